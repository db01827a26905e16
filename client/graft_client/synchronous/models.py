# Written by graft_client.sync_generator from asynchronous/models.py: change that file.
"""Models: their versions, aliases, gates and events."""

from typing import Any, Self, Unpack, overload

from graft_client.answers import validated
from graft_client.display.html import model_html
from graft_client.errors import GraftError
from graft_client.images import Image
from graft_client.options import PredictOptions
from graft_client.schemas.datasets import Split
from graft_client.schemas.models import Alias, ChosenModel, Gate, ModelEvent, ModelSummary
from graft_client.schemas.predictions import FailedPrediction, ImagePredictions
from graft_client.synchronous.bound import Bound, id_of
from graft_client.synchronous.connection import Connection
from graft_client.synchronous.pages import Pages, reader_of
from graft_client.synchronous.predicting import predict
from graft_client.synchronous.versions import (
    CHAMPION,
    ModelVersion,
    RegisteredVersion,
)
from graft_client.waiting import WAIT_SECONDS


class NamedModel(Bound):
    """A model by its name, to act on; as a reference it is its champion, else its newest version.

    Nothing is asked until a method is called.
    """

    name: str

    @property
    def reference(self) -> str:
        """The reference to the model: its name."""
        return self.name

    @overload
    def predict(
        self, images: list[Image], *, explain: bool = False, **options: Unpack[PredictOptions]
    ) -> list[ImagePredictions | FailedPrediction]: ...
    @overload
    def predict(
        self, images: Image, *, explain: bool = False, **options: Unpack[PredictOptions]
    ) -> ImagePredictions: ...
    def predict(
        self, images: Any, *, explain: bool = False, **options: Unpack[PredictOptions]
    ) -> Any:
        """Classify an image, or a list of images; see `graft.predict`."""
        return predict(self._connection, images, model=self.name, explain=explain, **options)

    def version(self, number: int) -> RegisteredVersion:
        """Return a version by its number, to act on; asks nothing."""
        content = {"name": self.name, "version": number}
        return RegisteredVersion.read(self._connection, content)

    def get_newest(self) -> ModelVersion:
        """Return the newest version; raises GraftError (NOT_FOUND) if there is none."""
        number = (self.details()).newest_version
        if number is None:
            raise GraftError("NOT_FOUND", f"The model '{self.name}' has no versions.")
        return self.version(number).details()

    def promote(
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
        chosen = self.get_newest() if version is None else self.version(version)
        return chosen.promote(alias, force_because=force_because, timeout_seconds=timeout_seconds)

    def rollback(self, alias: str = CHAMPION) -> Alias:
        """Point an alias to its previous version again."""
        path = f"{self._path}/aliases/{alias}/rollback"
        answer = self._connection.send("POST", path, is_creation=True)
        return validated(Alias, answer, self._connection.url)

    def delete_alias(self, alias: str) -> None:
        """Delete an alias; its version stays."""
        self._connection.delete(f"{self._path}/aliases/{alias}")

    def use(self) -> ChosenModel:
        """Make this the serving model, which predicts if a request names no model."""
        answer = self._connection.send("PUT", "/serving", json={"model": self.name})
        return validated(ChosenModel, answer, self._connection.url)

    def gate(self) -> Gate:
        """Return the gate that a version must pass to become champion; raises NotFound."""
        answer = self._connection.get(f"{self._path}/gate")
        return validated(Gate, answer, self._connection.url)

    def set_gate(self, dataset: Any, *, split: Split | None = None, **rule: Any) -> Gate:
        """Set the gate: max_class_drop (0-1), significance (0-1), require (not_worse or better)."""
        body = {"dataset_id": id_of(dataset)} | rule | ({"split": split} if split else {})
        answer = self._connection.send("PUT", f"{self._path}/gate", json=body)
        return validated(Gate, answer, self._connection.url)

    def delete_gate(self) -> None:
        """Delete the gate; every version may then become champion."""
        self._connection.delete(f"{self._path}/gate")

    def set_metadata(self, metadata: dict[str, str]) -> "Model":
        """Replace the model's metadata."""
        answer = self._connection.send("PUT", f"{self._path}/metadata", json=metadata)
        return Model.read(self._connection, answer)

    def events(self) -> Pages[ModelEvent]:
        """List the events of the model, newest first."""
        return Pages(self._connection, f"{self._path}/events", reader_of(ModelEvent))

    def details(self) -> "Model":
        """Return the model with its versions."""
        return Model.read(self._connection, self._connection.get(self._path))

    @property
    def _path(self) -> str:
        return f"/models/{self.name}"


class ListedModel(NamedModel, ModelSummary):
    """A registered model without its versions."""


class Model(ListedModel):
    """A registered model with its versions, newest first."""

    versions: list[ModelVersion]

    def refresh(self) -> Self:
        """Get the present state; changes this object and returns it."""
        return self._update(self._connection.get(self._path))

    def _repr_html_(self) -> str:
        return model_html(self, self.versions)


class Models:
    """The models of the service."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> Model:
        """Return a model by its name; raises NotFound."""
        return Model.read(self._connection, self._connection.get(f"/models/{name}"))

    def version(self, reference: str) -> ModelVersion:
        """Return the version that a reference means: `name`, `name@alias` or `name:3`.

        Raises NotFound.
        """
        name, colon, number = reference.partition(":")
        if colon:
            path = f"/models/{name}/versions/{number}"
            return ModelVersion.read(self._connection, self._connection.get(path))
        name, _, alias = reference.partition("@")
        model = self.get(name)
        chosen = model.aliases.get(alias or CHAMPION)
        if chosen is not None:
            return model.version(chosen).details()
        if alias:
            known = ", ".join(model.aliases) or "none"
            raise GraftError(
                "NOT_FOUND", f"The model '{name}' has no alias '{alias}'; it has {known}."
            )
        return model.get_newest()

    def list(self, *, q: str | None = None) -> Pages[ListedModel]:
        """List models by name; q is a part of the name."""
        return Pages(self._connection, "/models", ListedModel.read, {"q": q})
