"""What every child process does around its work."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel
from setproctitle import setproctitle

from app.errors import GraftError
from worker.analysis_config import AnalysisConfig
from worker.parent_watchdog import ParentWatchdog, watch_parent
from worker.protocol import AnalysisDone, AnalysisProgress, Failed, Message, send

Config = TypeVar("Config", bound=BaseModel)
OnProgress = Callable[[int, int], None]


def run_child(
    name: str, config_type: type[Config], run: Callable[[Config, ParentWatchdog], Message | None]
) -> None:
    """Read the configuration, run, and send the result, or the reason of a failure, last.

    `run` returns None if it has sent its result itself. A failure without a name of its own ends
    the process with a traceback.
    """
    setproctitle(f"graft {name}")
    watchdog = watch_parent()
    config = config_type.model_validate_json(watchdog.configuration)
    try:
        message = run(config, watchdog)
    except GraftError as error:
        message = Failed(code=error.code, message=error.message)
    if message is not None:
        send(message)


def run_analysis(name: str, answer: Callable[[AnalysisConfig, OnProgress], BaseModel]) -> None:
    """Run a child whose result answers an analysis request."""

    def run(config: AnalysisConfig, _: ParentWatchdog) -> AnalysisDone:
        return AnalysisDone(result=answer(config, send_progress).model_dump(mode="json"))

    run_child(name, AnalysisConfig, run)


def send_progress(done: int, total: int) -> None:
    """Send how many steps of a total are done."""
    send(AnalysisProgress(done=done, total=total))
