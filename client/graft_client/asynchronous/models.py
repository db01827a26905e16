"""Models: their versions, aliases, gates and events."""

from typing import Any, Self, Unpack, overload

from graft_client.answers import validated
from graft_client.asynchronous.bound import AsyncBound, id_of
from graft_client.asynchronous.connection import AsyncConnection
from graft_client.asynchronous.pages import AsyncPages, reader_of
from graft_client.asynchronous.predicting import predict
from graft_client.asynchronous.versions import (
    CHAMPION,
    AsyncModelVersion,
    AsyncRegisteredVersion,
)
from graft_client.display.html import model_html
from graft_client.errors import GraftError
from graft_client.images import Image
from graft_client.options import PredictOptions
from graft_client.schemas.datasets import Split
from graft_client.schemas.models import Alias, ChosenModel, Gate, ModelEvent, ModelSummary
from graft_client.schemas.predictions import FailedPrediction, ImagePredictions
from graft_client.waiting import WAIT_SECONDS


class AsyncNamedModel(AsyncBound):
    """A model by its name, to act on; as a reference it is its champion, else its newest version.

    Nothing is asked until a method is called.
    """

    name: str

    @property
    def reference(self) -> str:
        """The reference to the model: its name."""
        return self.name

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
        return await predict(self._connection, images, model=self.name, explain=explain, **options)

    def version(self, number: int) -> AsyncRegisteredVersion:
        """Return a version by its number, to act on; asks nothing."""
        content = {"name": self.name, "version": number}
        return AsyncRegisteredVersion.read(self._connection, content)

    async def get_newest(self) -> AsyncModelVersion:
        """Return the newest version; raises GraftError (NOT_FOUND) if there is none."""
        number = (await self.details()).newest_version
        if number is None:
            raise GraftError("NOT_FOUND", f"The model '{self.name}' has no versions.")
        return await self.version(number).details()

    async def promote(
        self,
        version: int | None = None,
        alias: str = CHAMPION,
        *,
        force_because: str | None = None,
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> Alias:
        """Point an alias to a version, by default the newest; raises GateFailed, WaitTimeout.

        force_because is the reason for skipping the gate.
        """
        chosen = await self.get_newest() if version is None else self.version(version)
        return await chosen.promote(
            alias, force_because=force_because, timeout_seconds=timeout_seconds
        )

    async def rollback(self, alias: str = CHAMPION) -> Alias:
        """Point an alias to its previous version again."""
        path = f"{self._path}/aliases/{alias}/rollback"
        answer = await self._connection.send("POST", path, is_creation=True)
        return validated(Alias, answer, self._connection.url)

    async def delete_alias(self, alias: str) -> None:
        """Delete an alias; its version stays."""
        await self._connection.delete(f"{self._path}/aliases/{alias}")

    async def use(self) -> ChosenModel:
        """Make this the serving model, which predicts if a request names no model."""
        answer = await self._connection.send("PUT", "/serving", json={"model": self.name})
        return validated(ChosenModel, answer, self._connection.url)

    async def gate(self) -> Gate:
        """Return the gate that a version must pass to become champion; raises NotFound."""
        answer = await self._connection.get(f"{self._path}/gate")
        return validated(Gate, answer, self._connection.url)

    async def set_gate(self, dataset: Any, *, split: Split | None = None, **rule: Any) -> Gate:
        """Set the gate: max_class_drop (0-1), significance (0-1), require (not_worse or better)."""
        body = {"dataset_id": id_of(dataset)} | rule | ({"split": split} if split else {})
        answer = await self._connection.send("PUT", f"{self._path}/gate", json=body)
        return validated(Gate, answer, self._connection.url)

    async def delete_gate(self) -> None:
        """Delete the gate; every version may then become champion."""
        await self._connection.delete(f"{self._path}/gate")

    async def set_metadata(self, metadata: dict[str, str]) -> "AsyncModel":
        """Replace the model's metadata."""
        answer = await self._connection.send("PUT", f"{self._path}/metadata", json=metadata)
        return AsyncModel.read(self._connection, answer)

    def events(self) -> AsyncPages[ModelEvent]:
        """List the events of the model, newest first."""
        return AsyncPages(self._connection, f"{self._path}/events", reader_of(ModelEvent))

    async def details(self) -> "AsyncModel":
        """Return the model with its versions."""
        return AsyncModel.read(self._connection, await self._connection.get(self._path))

    @property
    def _path(self) -> str:
        return f"/models/{self.name}"


class AsyncListedModel(AsyncNamedModel, ModelSummary):
    """A registered model without its versions."""


class AsyncModel(AsyncListedModel):
    """A registered model with its versions, newest first."""

    versions: list[AsyncModelVersion]

    async def refresh(self) -> Self:
        """Get the present state; changes this object and returns it."""
        return self._update(await self._connection.get(self._path))

    def _repr_html_(self) -> str:
        return model_html(self, self.versions)


class AsyncModels:
    """The models of the service."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, name: str) -> AsyncModel:
        """Return a model by its name; raises NotFound."""
        return AsyncModel.read(self._connection, await self._connection.get(f"/models/{name}"))

    async def version(self, reference: str) -> AsyncModelVersion:
        """Return the version that a reference means: `name`, `name@alias` or `name:3`.

        Raises NotFound.
        """
        name, colon, number = reference.partition(":")
        if colon:
            path = f"/models/{name}/versions/{number}"
            return AsyncModelVersion.read(self._connection, await self._connection.get(path))
        name, _, alias = reference.partition("@")
        model = await self.get(name)
        chosen = model.aliases.get(alias or CHAMPION)
        if chosen is not None:
            return await model.version(chosen).details()
        if alias:
            known = ", ".join(model.aliases) or "none"
            raise GraftError(
                "NOT_FOUND", f"The model '{name}' has no alias '{alias}'; it has {known}."
            )
        return await model.get_newest()

    def list(self, *, q: str | None = None) -> AsyncPages[AsyncListedModel]:
        """List models by name; q is a part of the name."""
        return AsyncPages(self._connection, "/models", AsyncListedModel.read, {"q": q})
