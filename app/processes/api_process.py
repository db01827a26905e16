"""The main function of an API process, forked from a server that has imported its modules."""

import os
import socket
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from setproctitle import setproctitle

from app.main import create_app
from app.processes.http_protocol import LimitedProtocol, find_limits
from app.processes.parent import end_with_parent, read_line, replace_environment
from app.settings import Settings, get_settings
from app.telemetry.logs import configure_logging

if TYPE_CHECKING:
    from asyncio import Protocol


class ApiConfig(BaseModel):
    """The first line of standard input; a process without `predicts` is the stand-in."""

    environ: dict[str, str]
    log_level: str
    predicts: bool


def main(*descriptors: int) -> None:
    """Serve inherited sockets until SIGTERM or the end of standard input.

    descriptors are those of the sockets and, last, of a pipe. The process writes a byte to the pipe
    when it is ready.
    """
    config = ApiConfig.model_validate_json(read_line())
    setproctitle("graft api" if config.predicts else "graft api stand-in")
    replace_environment(config.environ)
    settings = get_settings()
    configure_logging(config.log_level, settings.log_format)
    end_with_parent()
    *listening, started = descriptors
    sockets = [socket.socket(fileno=number) for number in listening]
    app = create_app(
        settings,
        predicts=config.predicts,
        warms_up_first=True,
        on_start=partial(os.write, started, b"1"),
    )
    serve(app, sockets, settings)


def serve(app: FastAPI, sockets: Sequence[socket.socket], settings: Settings) -> None:
    """Serve requests on listening sockets until SIGTERM."""
    config = uvicorn.Config(
        app,
        http=cast("type[Protocol]", partial(LimitedProtocol, limits=find_limits(settings))),
        ws="none",
        timeout_graceful_shutdown=5,
        timeout_keep_alive=30,
        log_level="warning",
        log_config=None,
    )
    ApiServer(config, app).run(list(sockets))


class ApiServer(uvicorn.Server):
    """A server that, when it stops, ends the streams of events instead of waiting for them."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.changes.close()
        self._app.state.job_feed.close()
        await super().shutdown(sockets)
