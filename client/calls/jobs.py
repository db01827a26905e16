"""Jobs: ask before, post, follow, end, look back."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from client.connection import Connection
from client.errors import OutcomeError
from client.following import follow_events
from client.resources.jobs import Epoch, Job, JobEvent, Progress
from client.resources.models import Architecture
from client.resources.plans import Advice, Validation
from client.resources.reports import Report


class JobCalls(Connection):
    """Jobs: ask before, post, follow, end, look back."""

    def list_architectures(self) -> list[Architecture]:
        return TypeAdapter(list[Architecture]).validate_python(self._send("GET", "/architectures"))

    def advise(self, dataset_id: str, *, architecture: str = "resnet18") -> Advice:
        """How to train on a dataset, once a worker has measured it."""
        params = {"architecture": architecture}
        return Advice.model_validate(
            self._wait("GET", f"/datasets/{dataset_id}/advice", params=params)
        )

    def validate_job(self, dataset_id: str, **fields: Any) -> Validation:
        """What create_job would do, once a worker has run a batch of it.

        That takes as long as the jobs that are training now.
        """
        body = {"dataset_id": dataset_id} | fields
        return Validation.model_validate(self._wait("POST", "/jobs/validate", json=body))

    def create_job(self, dataset_id: str, **fields: Any) -> Job:
        """Post a job; fields are those of POST /jobs, what is left out comes from the preset."""
        body = {"dataset_id": dataset_id} | fields
        return Job.model_validate(self._send("POST", "/jobs", json=body))

    def get_job(self, job_id: str) -> Job:
        return Job.model_validate(self._send("GET", f"/jobs/{job_id}"))

    def follow_job(self, job_id: str, *, after: int = 0) -> Iterator[JobEvent | Progress]:
        """Yield the job's events as they happen, each once, with progress in between."""
        return follow_events(self._http, job_id, after=after)

    def wait_for_job(self, job_id: str) -> Job:
        """Wait for the job's end; raises OutcomeError unless it succeeded."""
        for _ in self.follow_job(job_id):
            pass
        job = self.get_job(job_id)
        if job.status != "succeeded":
            code = job.error.code if job.error else job.status.upper()
            raise OutcomeError(job_id, code, job.error.message if job.error else job.status)
        return job

    def cancel_job(self, job_id: str) -> Job:
        return Job.model_validate(self._send("POST", f"/jobs/{job_id}/cancel"))

    def stop_job(self, job_id: str) -> Job:
        """Let the job finish after this epoch and keep its best."""
        return Job.model_validate(self._send("POST", f"/jobs/{job_id}/stop"))

    def list_epochs(self, job_id: str) -> list[Epoch]:
        """The job's history: every finished epoch once, in order."""
        rows = self._send("GET", f"/jobs/{job_id}/history")["data"]
        return TypeAdapter(list[Epoch]).validate_python(rows)

    def save_curves(self, job_id: str, path: Path, *, compare: Sequence[str] = ()) -> None:
        """Save the training curves of the job, and of others beside it, as a PNG."""
        self._save(f"/jobs/{job_id}/history.png", path, params={"compare": list(compare)})

    def get_report(self, job_id: str) -> Report:
        """What the job's best checkpoint is worth; there is none before it has succeeded."""
        return Report.model_validate(self._send("GET", f"/jobs/{job_id}/report"))

    def save_confusion_matrix(self, job_id: str, path: Path, *, split: str = "val") -> None:
        """Save the picture of which class is taken for which, of `val` or `test`, as a PNG."""
        self._save(f"/jobs/{job_id}/confusion_matrix.png", path, params={"split": split})
