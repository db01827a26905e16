"""Jobs: create, follow, wait, stop; their history and report."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, Self, Unpack

from pydantic import PrivateAttr

from graft_client.answers import read_rows, validated
from graft_client.asynchronous.bound import AsyncBound, id_of
from graft_client.asynchronous.connection import AsyncConnection
from graft_client.asynchronous.events import follow_events
from graft_client.asynchronous.pages import AsyncPages, reader_of
from graft_client.asynchronous.versions import AsyncRegisteredVersion
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
from graft_client.waiting import LONG_WAIT_SECONDS, WAIT_SECONDS, Deadline

CURVE_POINTS = 300
"""Number of epochs that a display asks for."""


class AsyncJob(AsyncBound, JobFields):
    """A training job."""

    model: AsyncRegisteredVersion | None

    _seen: tuple[Epoch, ...] = PrivateAttr(default=())

    async def refresh(self) -> Self:
        """Get the present state; changes this object and returns it."""
        return self._update(await self._connection.get(self._path))

    def follow(
        self, *, after: int = 0, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> AsyncIterator[JobEvent | Progress]:
        """Yield the job's events as they happen, each once, with progress in between.

        The iteration ends when the job has ended; raises WaitTimeout.
        """
        deadline = Deadline(self.id, timeout_seconds)
        return follow_events(self._connection, self.id, after=after, deadline=deadline)

    async def wait(
        self, *, progress: ShowProgress = True, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Self:
        """Wait until the job has ended; raises OutcomeError unless it succeeded, WaitTimeout.

        A terminal shows a bar and a row for each epoch, a notebook a bar and curves.
        """
        self._seen = ()
        with open_display(progress, f"Training {self.config.get('model_name')}") as display:
            async for event in self.follow(timeout_seconds=timeout_seconds):
                epoch = show_event(display, event, self)
                if epoch is not None:
                    self._seen = (*self._seen, epoch)
        await self.refresh()
        if self.status != "succeeded":
            code = self.error.code if self.error else self.status.upper()
            raise OutcomeError(self.id, code, self.error.message if self.error else self.status)
        return self

    async def history(self, *, points: int | None = None) -> History:
        """Return the finished epochs; points (2-2000) thins long histories for drawing."""
        params = None if points is None else {"points": points}
        path = f"{self._path}/history"
        answer = await self._connection.get(path, params=params)
        rows = read_rows(answer, self._connection.address_of(path))
        epochs = [validated(Epoch, row, self._connection.url) for row in rows]
        self._seen = tuple(epochs)
        return History(epochs, num_epochs=answer.get("num_epochs"))

    def events(self) -> AsyncPages[JobEvent]:
        """List the events so far, oldest first."""
        return AsyncPages(self._connection, f"{self._path}/events", reader_of(JobEvent))

    async def curves(self, *, compare: Sequence["AsyncJob | str"] = ()) -> Picture:
        """Return the curves of this job, and of others to compare, as a chart."""
        params = {"compare": [id_of(other) for other in compare]}
        return await self._connection.get_picture(f"{self._path}/history.png", params=params)

    async def report(self) -> Report:
        """Return the report on the job's model; the job must have succeeded."""
        answer = await self._connection.get(f"{self._path}/report")
        return validated(Report, answer, self._connection.url)

    async def portfolio(self) -> Portfolio:
        """Return what a job with a time budget has tried, expected and decided.

        Raises NotFound if the job has no `time_budget_seconds`.
        """
        answer = await self._connection.get(f"{self._path}/portfolio")
        return validated(Portfolio, answer, self._connection.url)

    async def confusion_matrix(self, *, split: Literal["val", "test"] = "val") -> Picture:
        """Return the confusion matrix as a chart."""
        path = f"{self._path}/confusion_matrix.png"
        return await self._connection.get_picture(path, params={"split": split})

    async def checkpoints(self) -> list[Checkpoint]:
        """Return the stored files of the job."""
        path = f"{self._path}/checkpoints"
        rows = read_rows(await self._connection.get(path), self._connection.address_of(path))
        return [validated(Checkpoint, row, self._connection.url) for row in rows]

    def predictions(
        self,
        *,
        split: Literal["val", "test"] = "val",
        label: str | None = None,
        predicted: str | None = None,
        is_correct: bool | None = None,
        sort: Literal["image", "probability"] | None = None,
    ) -> AsyncPages[ImagePrediction]:
        """List the best model's predictions; label and predicted give a cell of the confusion."""
        params = {
            "split": split,
            "label": label,
            "predicted": predicted,
            "is_correct": is_correct,
            "sort": sort,
        }
        path, read = f"{self._path}/predictions", reader_of(ImagePrediction)
        return AsyncPages(self._connection, path, read, params)

    async def paired_test(
        self, other: "AsyncJob | str", *, split: Literal["val", "test"] = "val"
    ) -> PairedTest:
        """Compare with another job on the same images of the same dataset."""
        params = {"with": id_of(other), "split": split}
        answer = await self._connection.get(f"{self._path}/paired_test", params=params)
        return validated(PairedTest, answer, self._connection.url)

    def disagreements(
        self,
        other: "AsyncJob | str",
        *,
        split: Literal["val", "test"] = "val",
        outcome: Literal["only_this_right", "only_other_right", "both_wrong"] | None = None,
    ) -> AsyncPages[Disagreement]:
        """List the images on which this job and another do not agree."""
        params = {"with": id_of(other), "split": split, "outcome": outcome}
        path, read = f"{self._path}/paired_test/images", reader_of(Disagreement)
        return AsyncPages(self._connection, path, read, params)

    async def stop(self) -> Self:
        """Stop after this epoch and register the best epoch's model; a queued job is cancelled."""
        return await self._post("stop")

    async def cancel(self) -> Self:
        """Cancel the job; no model is registered."""
        return await self._post("cancel")

    async def resume(self) -> Self:
        """Queue a failed or cancelled job again; it continues after its last epoch."""
        return await self._post("resume")

    async def clone(
        self, *, model_name: str | None = None, metadata: dict[str, str] | None = None
    ) -> "AsyncJob":
        """Create a job that repeats this one exactly, by default under the same model's name."""
        given = {"clone_of": self.id, "model_name": model_name, "metadata": metadata}
        body = {key: value for key, value in given.items() if value is not None}
        answer = await self._connection.send("POST", "/jobs", json=body, is_creation=True)
        return AsyncJob.read(self._connection, answer)

    async def delete(self) -> None:
        """Delete the job, which must have ended; its model stays."""
        await self._connection.delete(self._path)

    @property
    def _path(self) -> str:
        return f"/jobs/{self.id}"

    async def _post(self, verb: str) -> Self:
        return self._update(await self._connection.send("POST", f"{self._path}/{verb}"))

    def _repr_html_(self) -> str:
        epochs = self._seen
        if not epochs and self.started_at is not None and self._connection_or_none is not None:
            answer = self._connection.peek(f"{self._path}/history?points={CURVE_POINTS}")
            rows = json.loads(answer).get("data", []) if answer else []
            epochs = tuple(Epoch.model_validate(row) for row in rows)
        return job_html(self, epochs)


class AsyncJobs:
    """The jobs of the service."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(self, dataset: Any, **fields: Unpack[JobOptions]) -> AsyncJob:
        """Create a job on a dataset; the preset gives the fields that are left out.

        dataset is an `AsyncDataset` or its id; it may still be ingesting.
        """
        body = {"dataset_id": id_of(dataset)} | fields
        answer = await self._connection.send("POST", "/jobs", json=body, is_creation=True)
        return AsyncJob.read(self._connection, answer)

    async def validate(
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
        answer = await self._connection.wait_for(
            "POST", "/jobs/validate", json=body, timeout_seconds=timeout_seconds
        )
        return validated(Validation, answer, self._connection.url)

    async def get(self, job: str) -> AsyncJob:
        """Return a job by its id; raises NotFound."""
        return AsyncJob.read(self._connection, await self._connection.get(f"/jobs/{job}"))

    def list(  # noqa: PLR0913 - the filters of the list, by keyword
        self,
        *,
        status: JobStatus | Sequence[JobStatus] | None = None,
        dataset: Any = None,
        study: Any = None,
        model_name: str | None = None,
        q: str | None = None,
        metadata: dict[str, str] | None = None,
    ) -> AsyncPages[AsyncJob]:
        """List jobs, newest first; q is a part of the model's name, or the start of an id."""
        params = {
            "status": status,
            "dataset_id": None if dataset is None else id_of(dataset),
            "study_id": None if study is None else id_of(study),
            "model_name": model_name,
            "q": q,
        } | {f"metadata.{key}": value for key, value in (metadata or {}).items()}
        return AsyncPages(self._connection, "/jobs", AsyncJob.read, params)
