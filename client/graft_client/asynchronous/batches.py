"""Batch predictions: the images of a dataset, an archive or a folder."""

import json
from collections.abc import AsyncIterator
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, Unpack

from graft_client.answers import validated
from graft_client.asynchronous.bound import AsyncBound, id_of
from graft_client.asynchronous.connection import AsyncConnection
from graft_client.asynchronous.pages import AsyncPages
from graft_client.asynchronous.uploads import is_sent_in_parts, send_in_parts
from graft_client.asynchronous.versions import reference_of
from graft_client.display.choosing import ShowProgress, open_display
from graft_client.display.meter import Meter
from graft_client.errors import OutcomeError
from graft_client.forms import UploadForm
from graft_client.options import PredictOptions
from graft_client.packing import find_source
from graft_client.schemas.datasets import Split
from graft_client.schemas.predictions import BatchFields, BatchLine
from graft_client.waiting import LONG_WAIT_SECONDS, Deadline


class AsyncBatch(AsyncBound, BatchFields):
    """A batch prediction."""

    async def refresh(self) -> Self:
        """Get the present state; changes this object and returns it."""
        return self._update(await self._connection.get(self._path))

    async def wait(
        self, *, progress: ShowProgress = True, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Self:
        """Wait until the batch has ended; raises OutcomeError unless it succeeded, WaitTimeout."""
        deadline = Deadline(self.id, timeout_seconds)
        with open_display(progress, f"Predicting with {self.model.reference}") as display:
            while not (await self.refresh()).is_terminal:
                display.update(self.progress.done, self.progress.total, self.progress.stage)
                await self._connection.pause(deadline)
        if self.status != "succeeded":
            code = self.error.code if self.error else self.status.upper()
            raise OutcomeError(self.id, code, self.error.message if self.error else self.status)
        return self

    async def results(self) -> AsyncIterator[BatchLine]:
        """Yield the result of each image; the batch must have succeeded."""
        path = f"{self._path}/results"
        async with self._connection.stream("GET", path, params={"format": "jsonl"}) as response:
            async for line in response.aiter_lines():
                if line:
                    yield validated(BatchLine, json.loads(line), self._connection.url)

    async def save(
        self,
        path: str | PathLike[str],
        *,
        format: Literal["jsonl", "csv"] = "jsonl",  # noqa: A002 - the service's name
    ) -> Path:
        """Save the results as a file; return its path."""
        return await self._connection.download(
            f"{self._path}/results", Path(path), params={"format": format}
        )

    async def cancel(self) -> Self:
        """Cancel the batch; its results are discarded."""
        return self._update(await self._connection.send("POST", f"{self._path}/cancel"))

    async def delete(self) -> None:
        """Delete the batch, which must have ended, and its results."""
        await self._connection.delete(self._path)

    @property
    def _path(self) -> str:
        return f"/predictions/{self.id}"


class AsyncBatches:
    """The batch predictions of the service."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self,
        dataset: Any,
        *,
        split: Split | None = None,
        model: Any = None,
        metadata: dict[str, str] | None = None,
        **options: Unpack[PredictOptions],
    ) -> AsyncBatch:
        """Classify the images of a dataset with a worker, by default with the serving model."""
        given = {"split": split, **_given(model, metadata, options)}
        body = {"dataset_id": id_of(dataset)}
        body |= {key: value for key, value in given.items() if value is not None}
        answer = await self._connection.send("POST", "/predictions", json=body, is_creation=True)
        return AsyncBatch.read(self._connection, answer)

    async def upload(
        self,
        source: str | PathLike[str],
        *,
        model: Any = None,
        metadata: dict[str, str] | None = None,
        progress: ShowProgress = True,
        resume: bool = True,
        **options: Unpack[PredictOptions],
    ) -> AsyncBatch:
        """Classify the images of an archive or a folder with a worker.

        A folder is packed while it is sent. More than 64 MiB are sent in parts (see
        `datasets.upload`); resume continues an earlier upload. Raises FileNotFoundError.
        """
        found = find_source(Path(source))
        fields = _given(model, metadata and json.dumps(metadata), options)
        texts = {key: str(value) for key, value in fields.items() if value is not None}
        with open_display(progress, f"Uploading {found.stem}") as display:
            if await is_sent_in_parts(self._connection, found):
                sent = await send_in_parts(self._connection, found, display, resume=resume)
                answer = await sent.use("/predictions", **_given(model, metadata, options))
                return AsyncBatch.read(self._connection, answer)
            form = UploadForm(texts, found, Meter(display, found.num_bytes).update)
            answer = await self._connection.send(
                "POST", "/predictions", form=form, is_creation=True
            )
        return AsyncBatch.read(self._connection, answer)

    async def get(self, batch: str) -> AsyncBatch:
        """Return a batch by its id; raises NotFound."""
        path = f"/predictions/{batch}"
        return AsyncBatch.read(self._connection, await self._connection.get(path))

    def list(self, *, status: str | None = None, dataset: Any = None) -> AsyncPages[AsyncBatch]:
        """List batches, newest first."""
        params = {"status": status, "dataset_id": None if dataset is None else id_of(dataset)}
        return AsyncPages(self._connection, "/predictions", AsyncBatch.read, params)


def _given(model: Any, metadata: Any, options: Any) -> dict[str, Any]:
    """Return the options that were given; the service has defaults for the others."""
    fields = {"model": None if model is None else reference_of(model), "metadata": metadata}
    return fields | {key: value for key, value in options.items() if value is not False}
