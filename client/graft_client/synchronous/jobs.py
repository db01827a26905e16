# Written by graft_client.sync_generator from asynchronous/jobs.py: change that file.
"""Jobs: create, follow, wait, stop; their history and report."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self, Unpack

from pydantic import PrivateAttr

from graft_client.answers import read_rows, validated
from graft_client.display.choosing import ShowProgress, open_display
from graft_client.display.html import job_html
from graft_client.display.job import show_event
from graft_client.errors import OutcomeError
from graft_client.history import History
from graft_client.options import JobOptions
from graft_client.pictures import Picture
from graft_client.schemas.jobs import (
    Checkpoint,
    Disagreement,
    Epoch,
    ImagePrediction,
    JobEvent,
    JobFields,
    JobStatus,
    PairedTest,
    Progress,
)
from graft_client.schemas.plans import Validation
from graft_client.schemas.portfolios import Portfolio
from graft_client.schemas.reports import Report
from graft_client.synchronous.bound import Bound, id_of
from graft_client.synchronous.connection import Connection
from graft_client.synchronous.events import follow_events
from graft_client.synchronous.pages import Pages, reader_of
from graft_client.synchronous.versions import RegisteredVersion
from graft_client.waiting import LONG_WAIT_SECONDS, WAIT_SECONDS, Deadline

CURVE_POINTS = 300
"""Number of epochs that a display asks for."""


class Job(Bound, JobFields):
    """A training job."""

    model: RegisteredVersion | None

    _seen: tuple[Epoch, ...] = PrivateAttr(default=())

    def refresh(self) -> Self:
        """Get the present state; changes this object and returns it."""
        return self._update(self._connection.get(self._path))

    def follow(
        self, *, after: int = 0, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Iterator[JobEvent | Progress]:
        """Yield the job's events as they happen, each once, with progress in between.

        The iteration ends when the job has ended; raises WaitTimeout.
        """
        deadline = Deadline(self.id, timeout_seconds)
        return follow_events(self._connection, self.id, after=after, deadline=deadline)

    def wait(
        self, *, progress: ShowProgress = True, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Self:
        """Wait until the job has ended; raises OutcomeError unless it succeeded, WaitTimeout.

        A terminal shows a bar and a row for each epoch, a notebook a bar and curves.
        """
        self._seen = ()
        with open_display(progress, f"Training {self.config.get('model_name')}") as display:
            for event in self.follow(timeout_seconds=timeout_seconds):
                epoch = show_event(display, event, self)
                if epoch is not None:
                    self._seen = (*self._seen, epoch)
        self.refresh()
        if self.status != "succeeded":
            code = self.error.code if self.error else self.status.upper()
            raise OutcomeError(self.id, code, self.error.message if self.error else self.status)
        return self

    def history(self, *, points: int | None = None) -> History:
        """Return the finished epochs; points (2-2000) thins long histories for drawing."""
        params = None if points is None else {"points": points}
        path = f"{self._path}/history"
        answer = self._connection.get(path, params=params)
        rows = read_rows(answer, self._connection.address_of(path))
        epochs = [validated(Epoch, row, self._connection.url) for row in rows]
        self._seen = tuple(epochs)
        return History(epochs, num_epochs=answer.get("num_epochs"))

    def events(self) -> Pages[JobEvent]:
        """List the events so far, oldest first."""
        return Pages(self._connection, f"{self._path}/events", reader_of(JobEvent))

    def curves(self, *, compare: Sequence["Job | str"] = ()) -> Picture:
        """Return the curves of this job, and of others to compare, as a chart."""
        params = {"compare": [id_of(other) for other in compare]}
        return self._connection.get_picture(f"{self._path}/history.png", params=params)

    def report(self) -> Report:
        """Return the report on the job's model; the job must have succeeded."""
        answer = self._connection.get(f"{self._path}/report")
        return validated(Report, answer, self._connection.url)

    def portfolio(self) -> Portfolio:
        """Return what a job with a time budget has tried, expected and decided.

        Raises NotFound if the job has no `time_budget_seconds`.
        """
        answer = self._connection.get(f"{self._path}/portfolio")
        return validated(Portfolio, answer, self._connection.url)

    def confusion_matrix(self, *, split: Literal["val", "test"] = "val") -> Picture:
        """Return the confusion matrix as a chart."""
        path = f"{self._path}/confusion_matrix.png"
        return self._connection.get_picture(path, params={"split": split})

    def checkpoints(self) -> list[Checkpoint]:
        """Return the stored files of the job."""
        path = f"{self._path}/checkpoints"
        rows = read_rows(self._connection.get(path), self._connection.address_of(path))
        return [validated(Checkpoint, row, self._connection.url) for row in rows]

    def predictions(
        self,
        *,
        split: Literal["val", "test"] = "val",
        label: str | None = None,
        predicted: str | None = None,
        is_correct: bool | None = None,
        sort: Literal["image", "probability"] | None = None,
    ) -> Pages[ImagePrediction]:
        """List the best model's predictions; label and predicted give a cell of the confusion."""
        params = {
            "split": split,
            "label": label,
            "predicted": predicted,
            "is_correct": is_correct,
            "sort": sort,
        }
        path, read = f"{self._path}/predictions", reader_of(ImagePrediction)
        return Pages(self._connection, path, read, params)

    def paired_test(
        self, other: "Job | str", *, split: Literal["val", "test"] = "val"
    ) -> PairedTest:
        """Compare with another job on the same images of the same dataset."""
        params = {"with": id_of(other), "split": split}
        answer = self._connection.get(f"{self._path}/paired_test", params=params)
        return validated(PairedTest, answer, self._connection.url)

    def disagreements(
        self,
        other: "Job | str",
        *,
        split: Literal["val", "test"] = "val",
        outcome: Literal["only_this_right", "only_other_right", "both_wrong"] | None = None,
    ) -> Pages[Disagreement]:
        """List the images on which this job and another do not agree."""
        params = {"with": id_of(other), "split": split, "outcome": outcome}
        path, read = f"{self._path}/paired_test/images", reader_of(Disagreement)
        return Pages(self._connection, path, read, params)

    def stop(self) -> Self:
        """Stop after this epoch and register the best epoch's model; a queued job is cancelled."""
        return self._post("stop")

    def cancel(self) -> Self:
        """Cancel the job; no model is registered."""
        return self._post("cancel")

    def resume(self) -> Self:
        """Queue a failed or cancelled job again; it continues after its last epoch."""
        return self._post("resume")

    def clone(
        self, *, model_name: str | None = None, metadata: dict[str, str] | None = None
    ) -> "Job":
        """Create a job that repeats this one exactly, by default under the same model's name."""
        given = {"clone_of": self.id, "model_name": model_name, "metadata": metadata}
        body = {key: value for key, value in given.items() if value is not None}
        answer = self._connection.send("POST", "/jobs", json=body, is_creation=True)
        return Job.read(self._connection, answer)

    def delete(self) -> None:
        """Delete the job, which must have ended; its model stays."""
        self._connection.delete(self._path)

    @property
    def _path(self) -> str:
        return f"/jobs/{self.id}"

    def _post(self, verb: str) -> Self:
        return self._update(self._connection.send("POST", f"{self._path}/{verb}"))

    def _repr_html_(self) -> str:
        epochs = self._seen
        if not epochs and self.started_at is not None and self._connection_or_none is not None:
            answer = self._connection.peek(f"{self._path}/history?points={CURVE_POINTS}")
            rows = json.loads(answer).get("data", []) if answer else []
            epochs = tuple(Epoch.model_validate(row) for row in rows)
        return job_html(self, epochs)


class Jobs:
    """The jobs of the service."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, dataset: Any, **fields: Unpack[JobOptions]) -> Job:
        """Create a job on a dataset; the preset gives the fields that are left out.

        dataset is an `Dataset` or its id; it may still be ingesting.
        """
        body = {"dataset_id": id_of(dataset)} | fields
        answer = self._connection.send("POST", "/jobs", json=body, is_creation=True)
        return Job.read(self._connection, answer)

    def validate(
        self,
        dataset: Any,
        *,
        timeout_seconds: float | None = WAIT_SECONDS,
        **fields: Unpack[JobOptions],
    ) -> Validation:
        """Return what `create` would do, with time and memory; waits until one batch has been run.

        A worker runs that batch after the jobs that are training now.
        """
        body = {"dataset_id": id_of(dataset)} | fields
        answer = self._connection.wait_for(
            "POST", "/jobs/validate", json=body, timeout_seconds=timeout_seconds
        )
        return validated(Validation, answer, self._connection.url)

    def get(self, job: str) -> Job:
        """Return a job by its id; raises NotFound."""
        return Job.read(self._connection, self._connection.get(f"/jobs/{job}"))

    def list(  # noqa: PLR0913 - the filters of the list, by keyword
        self,
        *,
        status: JobStatus | Sequence[JobStatus] | None = None,
        dataset: Any = None,
        study: Any = None,
        model_name: str | None = None,
        q: str | None = None,
        metadata: dict[str, str] | None = None,
    ) -> Pages[Job]:
        """List jobs, newest first; q is a part of the model's name, or the start of an id."""
        params = {
            "status": status,
            "dataset_id": None if dataset is None else id_of(dataset),
            "study_id": None if study is None else id_of(study),
            "model_name": model_name,
            "q": q,
        } | {f"metadata.{key}": value for key, value in (metadata or {}).items()}
        return Pages(self._connection, "/jobs", Job.read, params)
