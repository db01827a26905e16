"""Versions of models: predict, promote, evaluate, quantize, export."""

from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, Unpack, overload

from graft_client.answers import validated
from graft_client.asynchronous.bound import AsyncBound, id_of
from graft_client.asynchronous.predicting import predict
from graft_client.images import Image
from graft_client.options import PredictOptions
from graft_client.schemas.datasets import Split
from graft_client.schemas.jobs import PairedTest
from graft_client.schemas.models import (
    Alias,
    ChosenModel,
    Evaluation,
    Quantization,
    VersionFields,
    VersionName,
)
from graft_client.schemas.predictions import FailedPrediction, ImagePredictions
from graft_client.waiting import WAIT_SECONDS

CHAMPION = "champion"

ExportFormat = Literal["safetensors", "onnx", "torch_export", "openvino"]


class AsyncRegisteredVersion(AsyncBound, VersionName):
    """A registered model version, by name and number."""

    @overload
    async def predict(
        self, images: list[Image], *, explain: bool = False, **options: Unpack[PredictOptions]
    ) -> list[ImagePredictions | FailedPrediction]: ...
    @overload
    async def predict(
        self, images: Image, *, explain: bool = False, **options: Unpack[PredictOptions]
    ) -> ImagePredictions: ...
    async def predict(
        self, images: Any, *, explain: bool = False, **options: Unpack[PredictOptions]
    ) -> Any:
        """Classify an image, or a list of images; see `graft.predict`."""
        return await predict(
            self._connection, images, model=self.reference, explain=explain, **options
        )

    async def details(self) -> "AsyncModelVersion":
        """Return the version with all its fields."""
        return AsyncModelVersion.read(self._connection, await self._connection.get(self._path))

    async def promote(
        self,
        alias: str = CHAMPION,
        *,
        force_because: str | None = None,
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> Alias:
        """Point an alias to this version; waits for the evaluations that its gate needs.

        force_because is the reason for skipping the gate. Raises GateFailed, WaitTimeout.
        """
        force = {"force": True, "reason": force_because} if force_because else {}
        answer = await self._connection.repeat_until_done(
            "PUT",
            f"/models/{self.name}/aliases/{alias}",
            json={"version": self.version} | force,
            timeout_seconds=timeout_seconds,
        )
        return validated(Alias, answer, self._connection.url)

    async def use(self) -> ChosenModel:
        """Make this version the serving model, which predicts if a request names no model."""
        answer = await self._connection.send("PUT", "/serving", json={"model": self.reference})
        return validated(ChosenModel, answer, self._connection.url)

    async def evaluate(
        self,
        dataset: Any,
        *,
        split: Split | None = None,
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> Evaluation:
        """Evaluate on a dataset with the same classes; waits until a worker has finished it."""
        body = {"dataset_id": id_of(dataset)} | ({"split": split} if split else {})
        answer = await self._connection.wait_for(
            "POST", f"{self._path}/evaluate", json=body, timeout_seconds=timeout_seconds
        )
        return validated(Evaluation, answer, self._connection.url)

    async def quantize(
        self,
        dataset: Any,
        *,
        num_images: int | None = None,
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> "AsyncQuantizedVersion":
        """Quantize to int8, calibrated on a dataset's training images, as a new version."""
        body = {"dataset_id": id_of(dataset)}
        answer = await self._connection.wait_for(
            "POST",
            f"{self._path}/quantize",
            json=body | ({} if num_images is None else {"num_images": num_images}),
            timeout_seconds=timeout_seconds,
        )
        return AsyncQuantizedVersion.read(self._connection, answer)

    async def export(
        self,
        path: str | PathLike[str],
        *,
        format: ExportFormat = "onnx",  # noqa: A002 - the service's name
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> Path:
        """Save an archive that runs without the service; waits until a worker has exported it."""
        return await self._connection.download(
            f"{self._path}/export",
            Path(path),
            params={"format": format},
            timeout_seconds=timeout_seconds,
        )

    async def paired_test(self, other: Any, *, split: Literal["val", "test"] = "val") -> PairedTest:
        """Compare with another model on the same images of the same dataset."""
        params = {"with": reference_of(other), "split": split}
        answer = await self._connection.get(f"{self._path}/paired_test", params=params)
        return validated(PairedTest, answer, self._connection.url)

    async def delete(self) -> None:
        """Delete the version; raises InUse while an alias points to it."""
        await self._connection.delete(self._path)

    @property
    def _path(self) -> str:
        return f"/models/{self.name}/versions/{self.version}"


class AsyncModelVersion(AsyncRegisteredVersion, VersionFields):
    """A registered model version with all its fields."""

    async def refresh(self) -> Self:
        """Get the present state; changes this object and returns it."""
        return self._update(await self._connection.get(self._path))


class AsyncQuantizedVersion(AsyncRegisteredVersion, Quantization):
    """A version in int8, and its differences from the float version on validation images."""


def reference_of(model: Any) -> str:
    """Return the reference to a model that is given as an object or by its reference."""
    return model if isinstance(model, str) else str(model.reference)
