"""Calls about jobs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from graft_client.connection import Connection
from graft_client.errors import OutcomeError
from graft_client.following import follow_events
from graft_client.resources.jobs import Epoch, Job, JobEvent, Progress
from graft_client.resources.models import Architecture
from graft_client.resources.plans import Advice, Validation
from graft_client.resources.reports import Report
from graft_client.waiting import LONG_WAIT_SECONDS, WAIT_SECONDS, Deadline


class JobCalls(Connection):
    """Calls about jobs."""

    def list_architectures(self) -> list[Architecture]:
        return TypeAdapter(list[Architecture]).validate_python(self._send("GET", "/architectures"))

    def advise(
        self,
        dataset_id: str,
        *,
        architecture: str = "resnet18",
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> Advice:
        """Get advice on how to train on a dataset; waits until a worker has finished it."""
        params = {"architecture": architecture}
        return Advice.model_validate(
            self._wait(
                "GET",
                f"/datasets/{dataset_id}/advice",
                params=params,
                timeout_seconds=timeout_seconds,
            )
        )

    def validate_job(
        self, dataset_id: str, *, timeout_seconds: float | None = WAIT_SECONDS, **fields: Any
    ) -> Validation:
        """Validate a job request; waits until a worker has run one batch.

        The worker runs that batch after the jobs that are training now.
        """
        body = {"dataset_id": dataset_id} | fields
        return Validation.model_validate(
            self._wait("POST", "/jobs/validate", json=body, timeout_seconds=timeout_seconds)
        )

    def create_job(self, dataset_id: str, **fields: Any) -> Job:
        """Create a job; fields are those of POST /jobs, and the preset gives the others."""
        body = {"dataset_id": dataset_id} | fields
        return Job.model_validate(self._send("POST", "/jobs", json=body))

    def get_job(self, job_id: str) -> Job:
        return Job.model_validate(self._send("GET", f"/jobs/{job_id}"))

    def follow_job(
        self, job_id: str, *, after: int = 0, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Iterator[JobEvent | Progress]:
        """Yield the job's events as they happen, each once, with progress in between."""
        deadline = Deadline(job_id, timeout_seconds)
        return follow_events(self._http, job_id, after=after, deadline=deadline)

    def wait_for_job(
        self, job_id: str, *, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Job:
        """Wait until the job has ended; raises OutcomeError unless it succeeded, WaitTimeout."""
        for _ in self.follow_job(job_id, timeout_seconds=timeout_seconds):
            pass
        job = self.get_job(job_id)
        if job.status != "succeeded":
            code = job.error.code if job.error else job.status.upper()
            raise OutcomeError(job_id, code, job.error.message if job.error else job.status)
        return job

    def cancel_job(self, job_id: str) -> Job:
        return Job.model_validate(self._send("POST", f"/jobs/{job_id}/cancel"))

    def stop_job(self, job_id: str) -> Job:
        """Stop the job after this epoch and register the best epoch's model."""
        return Job.model_validate(self._send("POST", f"/jobs/{job_id}/stop"))

    def list_epochs(self, job_id: str) -> list[Epoch]:
        """List the finished epochs of the job, in order."""
        rows = self._get_page(f"/jobs/{job_id}/history")
        return TypeAdapter(list[Epoch]).validate_python(rows)

    def save_curves(self, job_id: str, path: Path, *, compare: Sequence[str] = ()) -> None:
        """Save the training curves of the job, and of others to compare, as a PNG."""
        self._save(f"/jobs/{job_id}/history.png", path, params={"compare": list(compare)})

    def get_report(self, job_id: str) -> Report:
        """Get the report on the job's model; the job must have succeeded."""
        return Report.model_validate(self._send("GET", f"/jobs/{job_id}/report"))

    def save_confusion_matrix(self, job_id: str, path: Path, *, split: str = "val") -> None:
        """Save the confusion matrix on `val` or `test` as a PNG."""
        self._save(f"/jobs/{job_id}/confusion_matrix.png", path, params={"split": split})
