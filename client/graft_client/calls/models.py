"""Calls about models: serving, evaluation, promotion, export."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from graft_client.connection import Connection
from graft_client.resources.models import (
    Alias,
    ChosenModel,
    Evaluation,
    Gate,
    ModelEvent,
    Quantization,
)
from graft_client.waiting import WAIT_SECONDS

CHAMPION = "champion"


class ModelCalls(Connection):
    """Calls about models: serving, evaluation, promotion, export."""

    def get_serving(self) -> ChosenModel:
        return ChosenModel.model_validate(self._send("GET", "/serving"))

    def choose_model(self, reference: str) -> ChosenModel:
        """Set the serving model, which predicts if a request names no model."""
        return ChosenModel.model_validate(self._send("PUT", "/serving", json={"model": reference}))

    def shadow_model(self, reference: str | None, *, fraction: float = 0.1) -> ChosenModel:
        """Set the shadow model, which also predicts a share of the images; None removes it."""
        shadow = {"model": reference, "fraction": fraction} if reference else None
        body = {"model": self.get_serving().model, "shadow": shadow}
        return ChosenModel.model_validate(self._send("PUT", "/serving", json=body))

    def evaluate_version(
        self,
        name: str,
        version: int,
        dataset_id: str,
        *,
        split: str | None = None,
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> Evaluation:
        """Evaluate a version on a dataset; waits until a worker has finished it."""
        body = {"dataset_id": dataset_id} | ({"split": split} if split else {})
        path = f"/models/{name}/versions/{version}/evaluate"
        return Evaluation.model_validate(
            self._wait("POST", path, json=body, timeout_seconds=timeout_seconds)
        )

    def quantize_version(
        self,
        name: str,
        version: int,
        dataset_id: str,
        *,
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> Quantization:
        """Quantize a version to int8, calibrated on a dataset's training images."""
        path = f"/models/{name}/versions/{version}/quantize"
        body = {"dataset_id": dataset_id}
        return Quantization.model_validate(
            self._wait("POST", path, json=body, timeout_seconds=timeout_seconds)
        )

    def set_gate(self, name: str, dataset_id: str, **rule: Any) -> Gate:
        """Set the gate that a version must pass to become champion; rule as in PUT …/gate."""
        body = {"dataset_id": dataset_id} | rule
        return Gate.model_validate(self._send("PUT", f"/models/{name}/gate", json=body))

    def promote(
        self,
        name: str,
        version: int,
        *,
        alias: str = CHAMPION,
        force_because: str | None = None,
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> Alias:
        """Point an alias to a version; waits for the evaluations that its gate needs.

        force_because is the reason for skipping the gate.
        """
        path = f"/models/{name}/aliases/{alias}"
        force = {"force": True, "reason": force_because} if force_because else {}
        body = {"version": version} | force
        return Alias.model_validate(
            self._repeat("PUT", path, json=body, timeout_seconds=timeout_seconds)
        )

    def roll_back(self, name: str, *, alias: str = CHAMPION) -> Alias:
        """Point an alias to its previous version again."""
        return Alias.model_validate(self._send("POST", f"/models/{name}/aliases/{alias}/rollback"))

    def list_model_events(self, name: str, *, limit: int = 20) -> list[ModelEvent]:
        """List the events of a model, newest first."""
        rows = self._get_page(f"/models/{name}/events", params={"limit": limit})
        return TypeAdapter(list[ModelEvent]).validate_python(rows)

    def save_export(
        self,
        name: str,
        version: int,
        path: Path,
        *,
        format: str,  # noqa: A002 - the service's name
        timeout_seconds: float | None = WAIT_SECONDS,
    ) -> None:
        """Download an exported version; waits until a worker has exported it."""
        self._save(
            f"/models/{name}/versions/{version}/export",
            path,
            params={"format": format},
            timeout_seconds=timeout_seconds,
        )
