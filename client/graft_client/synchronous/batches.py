# Written by graft_client.sync_generator from asynchronous/batches.py: change that file.
"""Batch predictions: the images of a dataset, an archive or a folder."""

import json
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, Unpack

from graft_client.answers import validated
from graft_client.display.choosing import ShowProgress, open_display
from graft_client.display.meter import Meter
from graft_client.errors import OutcomeError
from graft_client.forms import UploadForm
from graft_client.options import PredictOptions
from graft_client.packing import find_source
from graft_client.schemas.datasets import Split
from graft_client.schemas.predictions import BatchFields, BatchLine
from graft_client.synchronous.bound import Bound, id_of
from graft_client.synchronous.connection import Connection
from graft_client.synchronous.pages import Pages
from graft_client.synchronous.uploads import is_sent_in_parts, send_in_parts
from graft_client.synchronous.versions import reference_of
from graft_client.waiting import LONG_WAIT_SECONDS, Deadline


class Batch(Bound, BatchFields):
    """A batch prediction."""

    def refresh(self) -> Self:
        """Get the present state; changes this object and returns it."""
        return self._update(self._connection.get(self._path))

    def wait(
        self, *, progress: ShowProgress = True, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Self:
        """Wait until the batch has ended; raises OutcomeError unless it succeeded, WaitTimeout."""
        deadline = Deadline(self.id, timeout_seconds)
        with open_display(progress, f"Predicting with {self.model.reference}") as display:
            while not (self.refresh()).is_terminal:
                display.update(self.progress.done, self.progress.total, self.progress.stage)
                self._connection.pause(deadline)
        if self.status != "succeeded":
            code = self.error.code if self.error else self.status.upper()
            raise OutcomeError(self.id, code, self.error.message if self.error else self.status)
        return self

    def results(self) -> Iterator[BatchLine]:
        """Yield the result of each image; the batch must have succeeded."""
        path = f"{self._path}/results"
        with self._connection.stream("GET", path, params={"format": "jsonl"}) as response:
            for line in response.iter_lines():
                if line:
                    yield validated(BatchLine, json.loads(line), self._connection.url)

    def save(
        self,
        path: str | PathLike[str],
        *,
        format: Literal["jsonl", "csv"] = "jsonl",  # noqa: A002 - the service's name
    ) -> Path:
        """Save the results as a file; return its path."""
        return self._connection.download(
            f"{self._path}/results", Path(path), params={"format": format}
        )

    def cancel(self) -> Self:
        """Cancel the batch; its results are discarded."""
        return self._update(self._connection.send("POST", f"{self._path}/cancel"))

    def delete(self) -> None:
        """Delete the batch, which must have ended, and its results."""
        self._connection.delete(self._path)

    @property
    def _path(self) -> str:
        return f"/predictions/{self.id}"


class Batches:
    """The batch predictions of the service."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(
        self,
        dataset: Any,
        *,
        split: Split | None = None,
        model: Any = None,
        metadata: dict[str, str] | None = None,
        **options: Unpack[PredictOptions],
    ) -> Batch:
        """Classify the images of a dataset with a worker, by default with the serving model."""
        given = {"split": split, **_given(model, metadata, options)}
        body = {"dataset_id": id_of(dataset)}
        body |= {key: value for key, value in given.items() if value is not None}
        answer = self._connection.send("POST", "/predictions", json=body, is_creation=True)
        return Batch.read(self._connection, answer)

    def upload(
        self,
        source: str | PathLike[str],
        *,
        model: Any = None,
        metadata: dict[str, str] | None = None,
        progress: ShowProgress = True,
        resume: bool = True,
        **options: Unpack[PredictOptions],
    ) -> Batch:
        """Classify the images of an archive or a folder with a worker.

        A folder is packed while it is sent. More than 64 MiB are sent in parts (see
        `datasets.upload`); resume continues an earlier upload. Raises FileNotFoundError.
        """
        found = find_source(Path(source))
        fields = _given(model, metadata and json.dumps(metadata), options)
        texts = {key: str(value) for key, value in fields.items() if value is not None}
        with open_display(progress, f"Uploading {found.stem}") as display:
            if is_sent_in_parts(self._connection, found):
                sent = send_in_parts(self._connection, found, display, resume=resume)
                answer = sent.use("/predictions", **_given(model, metadata, options))
                return Batch.read(self._connection, answer)
            form = UploadForm(texts, found, Meter(display, found.num_bytes).update)
            answer = self._connection.send("POST", "/predictions", form=form, is_creation=True)
        return Batch.read(self._connection, answer)

    def get(self, batch: str) -> Batch:
        """Return a batch by its id; raises NotFound."""
        path = f"/predictions/{batch}"
        return Batch.read(self._connection, self._connection.get(path))

    def list(self, *, status: str | None = None, dataset: Any = None) -> Pages[Batch]:
        """List batches, newest first."""
        params = {"status": status, "dataset_id": None if dataset is None else id_of(dataset)}
        return Pages(self._connection, "/predictions", Batch.read, params)


def _given(model: Any, metadata: Any, options: Any) -> dict[str, Any]:
    """Return the options that were given; the service has defaults for the others."""
    fields = {"model": None if model is None else reference_of(model), "metadata": metadata}
    return fields | {key: value for key, value in options.items() if value is not False}
