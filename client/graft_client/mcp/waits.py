"""Waits that end soon, and report progress, so that no assistant gives up on a call."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import anyio
import anyio.from_thread
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from graft_client.asynchronous.datasets import AsyncDataset
from graft_client.asynchronous.jobs import AsyncJob
from graft_client.display.base import SilentDisplay
from graft_client.display.job import describe_progress
from graft_client.errors import WaitTimeout
from graft_client.mcp.context import ToolContext

DEFAULT_WAIT_SECONDS = 45.0
"""Many clients end a call after 60 s."""

POLL_SECONDS = 1.0
SLICE_SECONDS = 5.0

WaitSeconds = Annotated[
    float,
    Field(
        ge=0,
        le=600,
        description="Longest time to wait in seconds. The work continues after it; call again.",
    ),
]

ResultT = TypeVar("ResultT")


class Progress:
    """Reports progress to the client of a call; a value that is not larger is left out."""

    def __init__(self, context: ToolContext) -> None:
        self._context = context
        self._last = -1.0

    async def report(self, done: float, total: float | None, text: str) -> None:
        """Report that `done` of `total` is finished; None means that the total is unknown."""
        if done > self._last:
            self._last = done
            await self._context.report_progress(done, total, text)


class UploadDisplay(SilentDisplay):
    """Reports the sent share of an upload, from the thread that reads the files."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def update(self, done: int, total: int | None, text: str) -> None:
        share = done / total if total else 0.0
        anyio.from_thread.run(self._progress.report, share, 1.0, text)


async def wait_for_dataset(progress: Progress, dataset: AsyncDataset, seconds: float) -> None:
    """Wait until a dataset is ready or invalid, or the time is over."""
    end = anyio.current_time() + seconds
    while dataset.status == "ingesting" and anyio.current_time() < end:
        stage = dataset.progress
        text = f"ingesting, {stage.stage}: {stage.done} of {stage.total}"
        await progress.report(1 + (stage.done / stage.total if stage.total else 0), 2, text)
        await anyio.sleep(min(POLL_SECONDS, max(0, end - anyio.current_time())))
        await dataset.refresh()


async def wait_for_job(progress: Progress, job: AsyncJob, seconds: float) -> None:
    """Wait until a job has ended, or the time is over; reports its epochs."""
    end = anyio.current_time() + seconds
    while not job.is_terminal and anyio.current_time() < end:
        state = job.progress
        share = state.step / state.steps if state.steps else 0.0
        done = max(0, state.epoch - 1) + share
        text = describe_progress(state, job) if job.started_at else job.status
        await progress.report(done, state.epochs, text)
        await anyio.sleep(min(POLL_SECONDS, max(0, end - anyio.current_time())))
        await job.refresh()


async def wait_for_worker(
    progress: Progress,
    request: Callable[[float], Awaitable[ResultT]],
    *,
    seconds: float,
    what: str,
    tool: str,
) -> ResultT:
    """Return a result that a worker computes; `request` asks for it for some seconds at a time.

    Raises ToolError when the time is over.
    """
    start = anyio.current_time()
    while True:
        elapsed = anyio.current_time() - start
        try:
            return await request(max(0.1, min(SLICE_SECONDS, seconds - elapsed)))
        except WaitTimeout:
            elapsed = anyio.current_time() - start
            if elapsed >= seconds:
                raise ToolError(
                    f"{what} is not finished after {seconds:g} s. A worker continues with it; "
                    f"call `{tool}` again with the same arguments."
                ) from None
            await progress.report(elapsed, seconds, f"waiting for a worker: {what}")
