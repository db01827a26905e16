"""Follow work of the service on standard error until it has ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from graft_client.console.reporting import note
from graft_client.errors import GraftError

if TYPE_CHECKING:
    from graft_client.synchronous.datasets import Dataset
    from graft_client.synchronous.graft import Graft
    from graft_client.synchronous.jobs import Job
    from graft_client.synchronous.studies import Study


def follow_ingestion(graft: "Graft", dataset: "Dataset") -> None:
    """Wait until a dataset is ready; raises OutcomeError if it is invalid."""
    _warn_without_worker(graft, "cpu")
    with says_what_continues(f"follow it with `graft dataset show {dataset.id}`"):
        dataset.wait()


def follow_job(graft: "Graft", job: "Job") -> None:
    """Show a row for each epoch and a bar; raises OutcomeError unless the job succeeds."""
    from graft_client.display.terminal import TerminalDisplay  # noqa: PLC0415 - rich is slow

    display = TerminalDisplay(f"Training {job.config.get('model_name')}")
    if job.status == "queued":
        _warn_without_worker(graft, "train")
        display.update(0, None, "waiting for a worker")
    with says_what_continues(f"follow it with `graft job watch {job.id}`"):
        job.wait(progress=display)


def follow_study(graft: "Graft", study: "Study") -> None:
    """Wait until every run of a study has ended."""
    _warn_without_worker(graft, "train")
    with says_what_continues(f"follow it with `graft study {study.id} --watch`"):
        study.wait()


@contextmanager
def says_what_continues(hint: str) -> Iterator[None]:
    """Say after Ctrl-C that the service continues the work, and how to find it."""
    try:
        yield
    except KeyboardInterrupt:
        note(f"The service continues the work; {hint}.")
        raise


@contextmanager
def says_how_to_resume(graft: "Graft", source: Path) -> Iterator[None]:
    """Say after Ctrl-C or an error that the same command continues an upload in parts."""
    try:
        yield
    except (KeyboardInterrupt, GraftError):
        from graft_client.upload_state import is_remembered  # noqa: PLC0415 - help does without

        if is_remembered(graft.url, source):
            note("Run the same command again to continue the upload where it stopped.")
        raise


def _warn_without_worker(graft: "Graft", queue: str) -> None:
    found = next((one for one in graft.service().queues if one.name == queue), None)
    if found is not None and not found.num_workers:
        note(
            f"No worker serves the queue `{queue}`; start one with `graft worker --queue {queue}`."
        )
