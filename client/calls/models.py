"""Models: choose, judge, promote, roll back, take away."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from client.connection import Connection
from client.resources.models import (
    Alias,
    ChosenModel,
    Evaluation,
    Gate,
    ModelEvent,
    Quantization,
)

CHAMPION = "champion"


class ModelCalls(Connection):
    """Models: choose, judge, promote, roll back, take away."""

    def get_serving(self) -> ChosenModel:
        return ChosenModel.model_validate(self._send("GET", "/serving"))

    def choose_model(self, reference: str) -> ChosenModel:
        """Let a model answer predictions that name none."""
        return ChosenModel.model_validate(self._send("PUT", "/serving", json={"model": reference}))

    def shadow_model(self, reference: str | None, *, fraction: float = 0.1) -> ChosenModel:
        """Show a model a share of the images that the chosen one answers; None ends it."""
        shadow = {"model": reference, "fraction": fraction} if reference else None
        body = {"model": self.get_serving().model, "shadow": shadow}
        return ChosenModel.model_validate(self._send("PUT", "/serving", json=body))

    def evaluate_version(
        self, name: str, version: int, dataset_id: str, *, split: str | None = None
    ) -> Evaluation:
        """What a version is worth on a dataset, once a worker has looked at the images."""
        body = {"dataset_id": dataset_id} | ({"split": split} if split else {})
        path = f"/models/{name}/versions/{version}/evaluate"
        return Evaluation.model_validate(self._wait("POST", path, json=body))

    def quantize_version(self, name: str, version: int, dataset_id: str) -> Quantization:
        """A version rounded to int8, by the ranges that a dataset's training images show."""
        path = f"/models/{name}/versions/{version}/quantize"
        body = {"dataset_id": dataset_id}
        return Quantization.model_validate(self._wait("POST", path, json=body))

    def set_gate(self, name: str, dataset_id: str, **rule: Any) -> Gate:
        """Let only versions become champion that compare well; rule as in PUT …/gate."""
        body = {"dataset_id": dataset_id} | rule
        return Gate.model_validate(self._send("PUT", f"/models/{name}/gate", json=body))

    def promote(
        self, name: str, version: int, *, alias: str = CHAMPION, force_because: str | None = None
    ) -> Alias:
        """Point an alias to a version, once the evaluations that a gate needs are there.

        force_because is the reason to go past the gate.
        """
        path = f"/models/{name}/aliases/{alias}"
        force = {"force": True, "reason": force_because} if force_because else {}
        return Alias.model_validate(self._insist("PUT", path, json={"version": version} | force))

    def roll_back(self, name: str, *, alias: str = CHAMPION) -> Alias:
        """Let an alias point to where it pointed before."""
        return Alias.model_validate(self._send("POST", f"/models/{name}/aliases/{alias}/rollback"))

    def list_model_events(self, name: str, *, limit: int = 20) -> list[ModelEvent]:
        """What was done to a model, newest first."""
        page = self._send("GET", f"/models/{name}/events", params={"limit": limit})
        return TypeAdapter(list[ModelEvent]).validate_python(page["data"])

    def save_export(self, name: str, version: int, path: Path, *, format: str) -> None:  # noqa: A002 - the service's name
        """Save a version as an archive that needs nothing of the service, once it is made."""
        self._save(f"/models/{name}/versions/{version}/export", path, params={"format": format})
