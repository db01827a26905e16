"""Read a child process's configuration, run its work and send the result."""

import errno
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel
from setproctitle import setproctitle

from app.errors import GraftError, StorageFull
from worker.analysis_config import AnalysisConfig
from worker.parent_watchdog import ParentWatchdog, watch_parent
from worker.protocol import AnalysisDone, AnalysisProgress, Failed, Message, send

Config = TypeVar("Config", bound=BaseModel)
OnProgress = Callable[[int, int], None]


def run_child(
    name: str, config_type: type[Config], run: Callable[[Config, ParentWatchdog], Message | None]
) -> None:
    """Read the configuration, call `run`, and send its result or its GraftError as last message.

    `run` returns None if it has sent its result itself. A full disk is STORAGE_FULL. Any
    other exception ends the process with a traceback.
    """
    setproctitle(f"graft {name}")
    watchdog = watch_parent()
    config = config_type.model_validate_json(watchdog.configuration)
    try:
        message = run(config, watchdog)
    except GraftError as error:
        message = Failed(code=error.code, message=error.message)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        message = Failed(code=StorageFull.code, message="The disk is full.")
    if message is not None:
        send(message)


def run_analysis(name: str, compute: Callable[[AnalysisConfig, OnProgress], BaseModel]) -> None:
    """Run a child that computes an analysis."""

    def run(config: AnalysisConfig, _: ParentWatchdog) -> AnalysisDone:
        return AnalysisDone(result=compute(config, send_progress).model_dump(mode="json"))

    run_child(name, AnalysisConfig, run)


def send_progress(done: int, total: int) -> None:
    """Send how many steps of a total are done."""
    send(AnalysisProgress(done=done, total=total))
