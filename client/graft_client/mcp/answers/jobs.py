"""Answers about jobs."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from graft_client.display.job import describe_progress
from graft_client.history import History
from graft_client.mcp.answers.base import Answer
from graft_client.schemas.base import ErrorReason
from graft_client.schemas.jobs import BestEpoch, Epoch, JobFields, JobStatus, PairedTest

_SIGNIFICANCE = 0.05


class JobLine(Answer):
    """A job in a list."""

    job_id: str
    status: JobStatus
    dataset_id: str
    model_name: str | None
    architecture: str | None
    strategy: str | None
    best_val_accuracy: float | None = Field(description="0-1; null before the first epoch.")
    best_val_balanced_accuracy: float | None = Field(
        description="Mean recall over the classes, 0-1; null if it was not measured."
    )
    model: str | None = Field(description="Reference of the registered model, such as `pets:3`.")
    created_at: datetime

    @classmethod
    def of(cls, job: JobFields) -> Self:
        return cls(**_line(job))


class JobList(Answer):
    """Jobs, newest first."""

    jobs: list[JobLine]
    has_more: bool = Field(description="Whether there are more than `limit`.")


class JobDetails(JobLine):
    """A job with its progress, its best epoch and its configuration."""

    is_finished: bool = Field(description="Whether it has succeeded, failed or been cancelled.")
    progress: str = Field(description="Epoch, speed and time left.")
    epoch: int = Field(description="The current epoch, from 1; 0 before the start.")
    epochs: int | None = Field(description="Null while it is decided automatically.")
    best: BestEpoch | None = Field(description="The epoch whose model is registered.")
    error: ErrorReason | None
    config: dict[str, Any] = Field(description="With the decided values once it has started.")
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: JobFields) -> Self:
        decided = job.resolved.config if job.resolved is not None else None
        return cls(
            **_line(job),
            is_finished=job.is_terminal,
            progress=describe_progress(job.progress, job),
            epoch=job.progress.epoch,
            epochs=job.progress.epochs,
            best=job.best,
            error=job.error,
            config=decided or job.config,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


class HistoryAnswer(Answer):
    """The finished epochs of a job, thinned where there are many."""

    num_epochs: int = Field(description="Number of finished epochs, of which some are left out.")
    best: Epoch | None = Field(description="The best epoch of those below.")
    epochs: list[Epoch] = Field(description="Accuracies are 0-1, losses in nats per image.")

    @classmethod
    def of(cls, history: History) -> Self:
        return cls(num_epochs=history.num_epochs, best=history.best, epochs=list(history.epochs))


class JobComparison(PairedTest):
    """The comparison of two jobs on the same images (McNemar's exact test)."""

    conclusion: str

    @classmethod
    def of(cls, test: PairedTest, job_id: str, other_id: str) -> Self:
        low, high = test.difference_interval
        figures = (
            f"difference {test.difference:+.3f} (95 % interval {low:+.3f} to {high:+.3f}), "
            f"p = {test.p_value:.3g}, {test.num_images} images"
        )
        if test.p_value >= _SIGNIFICANCE:
            conclusion = f"These images do not show which job is more accurate: {figures}."
        else:
            better, worse = (job_id, other_id) if test.difference > 0 else (other_id, job_id)
            conclusion = f"{better} is more accurate than {worse}: {figures}."
        return cls(**test.model_dump(), conclusion=conclusion)


def _line(job: JobFields) -> dict[str, Any]:
    decided = (job.resolved.config if job.resolved is not None else None) or {}
    config = job.config | decided
    return {
        "job_id": job.id,
        "status": job.status,
        "dataset_id": job.dataset_id,
        "model_name": config.get("model_name"),
        "architecture": config.get("architecture"),
        "strategy": config.get("strategy"),
        "best_val_accuracy": None if job.best is None else job.best.val_accuracy,
        "best_val_balanced_accuracy": None if job.best is None else job.best.val_balanced_accuracy,
        "model": None if job.model is None else job.model.reference,
        "created_at": job.created_at,
    }
