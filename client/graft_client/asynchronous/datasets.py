"""Datasets: upload, wait, look at their images, get advice."""

import json
from os import PathLike
from pathlib import Path
from typing import Any, Self

from graft_client.answers import validated
from graft_client.asynchronous.bound import AsyncBound, id_of
from graft_client.asynchronous.connection import AsyncConnection
from graft_client.asynchronous.pages import AsyncPages
from graft_client.asynchronous.uploads import is_sent_in_parts, send_in_parts
from graft_client.display.choosing import ShowProgress, open_display
from graft_client.display.html import dataset_html, image_html
from graft_client.display.meter import Meter
from graft_client.errors import OutcomeError
from graft_client.forms import UploadForm
from graft_client.packing import find_source
from graft_client.pictures import Picture
from graft_client.schemas.datasets import (
    DatasetFields,
    DatasetImageFields,
    Finding,
    PairKind,
    Split,
)
from graft_client.schemas.plans import Advice
from graft_client.waiting import WAIT_SECONDS, Deadline


class AsyncDatasetImage(AsyncBound, DatasetImageFields):
    """An image of a dataset."""

    dataset_id: str

    async def picture(self, *, size: int | None = None) -> Picture:
        """Return the image as it was uploaded, or a thumbnail of at most `size` pixels."""
        params = None if size is None else {"size": size}
        return await self._connection.get_picture(self._path, params=params)

    async def save(self, path: str | PathLike[str]) -> Path:
        """Save the image as it was uploaded; return the path."""
        return await self._connection.download(self._path, Path(path))

    @property
    def _path(self) -> str:
        return f"/datasets/{self.dataset_id}/images/{self.id}"

    def _repr_html_(self) -> str:
        thumbnail = self._connection.peek(f"{self._path}?size=256")
        return image_html(self, thumbnail)


class AsyncImagePair(AsyncBound):
    """Two images that are equal or nearly so."""

    id: str
    first: AsyncDatasetImage
    second: AsyncDatasetImage


class AsyncDataset(AsyncBound, DatasetFields):
    """An uploaded dataset."""

    async def refresh(self) -> Self:
        """Get the present state; changes this object and returns it."""
        return self._update(await self._connection.get(f"/datasets/{self.id}"))

    async def wait(
        self, *, progress: ShowProgress = True, timeout_seconds: float | None = WAIT_SECONDS
    ) -> Self:
        """Wait until the dataset is ready; raises OutcomeError if it is invalid, WaitTimeout."""
        deadline = Deadline(self.id, timeout_seconds)
        with open_display(progress, f"Ingesting {self.name}") as display:
            while (await self.refresh()).status == "ingesting":
                display.update(self.progress.done, self.progress.total, self.progress.stage)
                await self._connection.pause(deadline)
        if self.error is not None:
            raise OutcomeError(self.id, self.error.code, self.error.message)
        return self

    def images(
        self,
        *,
        split: Split | None = None,
        class_name: str | None = None,
        finding: Finding | None = None,
        q: str | None = None,
    ) -> AsyncPages[AsyncDatasetImage]:
        """List the images by split, class and path; q is a part of the path."""
        params = {"split": split, "class": class_name, "finding": finding, "q": q}
        return AsyncPages(self._connection, f"/datasets/{self.id}/images", self._read_image, params)

    def pairs(self, kind: PairKind) -> AsyncPages[AsyncImagePair]:
        """List the pairs of equal or nearly equal images."""
        path = f"/datasets/{self.id}/pairs"
        return AsyncPages(self._connection, path, self._read_pair, {"kind": kind})

    async def image(self, image_id: int, *, size: int | None = None) -> Picture:
        """Return an image as it was uploaded, or a thumbnail of at most `size` pixels."""
        params = None if size is None else {"size": size}
        path = f"/datasets/{self.id}/images/{image_id}"
        return await self._connection.get_picture(path, params=params)

    async def preview(
        self, *, split: Split = "train", num_images: int = 16, seed: int = 0
    ) -> Picture:
        """Return a titled grid of images, drawn by chance."""
        params = {"split": split, "num_images": num_images, "seed": seed}
        path = f"/datasets/{self.id}/preview.png"
        return await self._connection.get_picture(path, params=params)

    async def advice(
        self, *, architecture: str = "resnet18", timeout_seconds: float | None = WAIT_SECONDS
    ) -> Advice:
        """Return advice on how to train; waits until a worker has measured it.

        Raises OutcomeError if the dataset is invalid, WaitTimeout.
        """
        if self.status == "ingesting":
            await self.wait(progress=False, timeout_seconds=timeout_seconds)
        answer = await self._connection.wait_for(
            "GET",
            f"/datasets/{self.id}/advice",
            params={"architecture": architecture},
            timeout_seconds=timeout_seconds,
        )
        return validated(Advice, answer, self._connection.url)

    async def heatmap(
        self, image_id: int, *, model: str | None = None, label: str | None = None
    ) -> Picture:
        """Return a heat map of what a model looks at in an image, by default the serving model."""
        params = {
            name: one for name, one in (("model", model), ("label", label)) if one is not None
        }
        path = f"/datasets/{self.id}/images/{image_id}/heatmap.png"
        return await self._connection.get_picture(path, params=params)

    async def delete(self) -> None:
        """Delete the dataset; raises InUse while an unfinished job or batch uses it."""
        await self._connection.delete(f"/datasets/{self.id}")

    def _read_image(self, connection: AsyncConnection, row: Any) -> AsyncDatasetImage:
        return AsyncDatasetImage.read(connection, row | {"dataset_id": self.id})

    def _read_pair(self, connection: AsyncConnection, row: Any) -> AsyncImagePair:
        sides = {side: row[side] | {"dataset_id": self.id} for side in ("first", "second")}
        return AsyncImagePair.read(connection, row | sides)

    def _repr_html_(self) -> str:
        preview = None
        if self.status == "ready" and self._connection_or_none is not None:
            preview = self._connection.peek(f"/datasets/{self.id}/preview.png?num_images=6")
        return dataset_html(self, preview)


class AsyncDatasets:
    """The datasets of the service."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def upload(  # noqa: PLR0913 - the fields of an upload, by keyword
        self,
        source: str | PathLike[str],
        *,
        name: str | None = None,
        val_fraction: float | None = None,
        split_seed: int | None = None,
        metadata: dict[str, str] | None = None,
        progress: ShowProgress = True,
        resume: bool = True,
    ) -> AsyncDataset:
        """Upload an archive, or a folder of class folders; the dataset is then `ingesting`.

        A folder is packed into a zip while it is sent, without a temporary file. The default of
        name is the source's. val_fraction (0-1) and split_seed split sources that have no splits.

        More than 64 MiB are sent in parts: the upload continues after a broken connection or a
        restart of the service. With resume, it also continues an upload of the same unchanged
        source that an earlier program began. Raises FileNotFoundError, and OSError if a file cannot
        be read.
        """
        found = find_source(Path(source))
        fields: dict[str, Any] = {
            "name": name,
            "val_fraction": val_fraction,
            "split_seed": split_seed,
        }
        form_fields = {key: str(value) for key, value in fields.items() if value is not None}
        if metadata:
            form_fields["metadata"] = json.dumps(metadata)
        with open_display(progress, f"Uploading {name or found.stem}") as display:
            if await is_sent_in_parts(self._connection, found):
                sent = await send_in_parts(self._connection, found, display, resume=resume)
                answer = await sent.use("/datasets", **fields, metadata=metadata)
                return AsyncDataset.read(self._connection, answer)
            meter = Meter(display, found.num_bytes)
            form = UploadForm(form_fields, found, meter.update)
            answer = await self._connection.send("POST", "/datasets", form=form, is_creation=True)
        return AsyncDataset.read(self._connection, answer)

    async def get(self, dataset: str) -> AsyncDataset:
        """Return a dataset by its id; raises NotFound."""
        return AsyncDataset.read(
            self._connection, await self._connection.get(f"/datasets/{dataset}")
        )

    def list(self, *, q: str | None = None, status: str | None = None) -> AsyncPages[AsyncDataset]:
        """List datasets, newest first; q is a part of the name."""
        params = {"q": q, "status": status}
        return AsyncPages(self._connection, "/datasets", AsyncDataset.read, params)

    async def delete(self, dataset: AsyncDataset | str) -> None:
        """Delete a dataset; raises InUse while an unfinished job or batch uses it."""
        await self._connection.delete(f"/datasets/{id_of(dataset)}")
