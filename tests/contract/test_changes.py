"""The stream of changes over a real connection."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from httpx_sse import EventSource, ServerSentEvent, connect_sse

from app.db.session import Database
from app.main import create_app
from app.processes.api_process import ApiServer
from app.settings import Settings
from app.storage import LocalStorage
from tests.datasets import add_dataset
from tests.servers import wait_until


@pytest.fixture
def app(settings: Settings, database: Database, storage: LocalStorage) -> FastAPI:
    assert database.engine.url.database
    assert storage.root.is_dir()
    return create_app(settings, predicts=False)


@contextmanager
def serving(app: FastAPI) -> Iterator[tuple[ApiServer, str]]:
    """Serve the application on a free port; yields the server and its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")
    server = ApiServer(config, app)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, "the server")
        (listener,) = server.servers
        yield server, f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def is_polling(app: FastAPI) -> bool:
    return bool(app.state.changes.is_polling)


def parse(event: ServerSentEvent) -> tuple[str, Any]:
    assert event.id == ""
    return event.event, json.loads(event.data)


@contextmanager
def streaming(url: str) -> Iterator[Iterator[ServerSentEvent]]:
    with (
        httpx.Client(base_url=url, timeout=60) as client,
        connect_sse(client, "GET", "/events/stream") as source,
    ):
        assert isinstance(source, EventSource)
        assert source.response.headers["content-type"].startswith("text/event-stream")
        yield source.iter_sse()


def test_every_stream_hears_of_a_new_dataset(app: FastAPI, database: Database) -> None:
    with serving(app) as (_, url):
        assert not is_polling(app)
        with streaming(url) as first, streaming(url) as second:
            for stream in (first, second):
                assert parse(next(stream)) == ("hello", {"version": app.version})
            assert is_polling(app)
            dataset_id = add_dataset(database, "ingesting")
            for stream in (first, second):
                assert parse(next(stream)) == ("datasets", {"ids": []})
            assert httpx.delete(f"{url}/datasets/{dataset_id}").status_code == 204
            assert parse(next(first)) == ("datasets", {"ids": []})
        wait_until(lambda: not is_polling(app), "the end of polling")


def test_a_server_that_stops_ends_its_streams(app: FastAPI) -> None:
    with serving(app) as (server, url), streaming(url) as stream:
        assert parse(next(stream))[0] == "hello"
        server.should_exit = True
        assert list(stream) == []
