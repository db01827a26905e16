"""Models: versions, aliases, serving, evaluations, quantization, gates and events."""

from datetime import datetime
from typing import Any, Literal

from graft_client.resources.base import Resource
from graft_client.resources.reports import SplitFigures


class ModelVersion(Resource):
    """A registered model version."""

    name: str
    version: int

    @property
    def reference(self) -> str:
        """The reference to this version."""
        return f"{self.name}:{self.version}"


class Weights(Resource):
    """Pretrained weights of an architecture."""

    name: str
    availability: Literal["local", "download", "unavailable"]


class Architecture(Resource):
    """An architecture that the service can train."""

    name: str
    input_size: int
    num_parameters: int
    weights: list[Weights]


class ShadowCounts(Resource):
    """The agreement of a shadow model with the serving model, 0-1, and its counts."""

    num_images: int
    num_agreed: int
    agreement: float | None
    agreement_interval: tuple[float, float] | None
    mean_abs_difference: float | None
    num_dropped: int
    num_failed: int


class Shadow(Resource):
    """A model that also predicts a share of the images; its predictions are only compared."""

    model: str
    fraction: float
    resolved: ModelVersion
    tally: ShadowCounts


class ChosenModel(Resource):
    """The serving model, which predicts if a request names no model."""

    model: str
    resolved: ModelVersion
    shadow: Shadow | None = None


class Evaluation(SplitFigures, ModelVersion):
    """The evaluation of a version on one split of a dataset."""

    dataset_id: str
    split: Literal["train", "val", "test"]
    class_names: list[str]
    calibration_error: float
    log_loss: float
    warnings: list[str]


class Quantization(ModelVersion):
    """A version in int8, and its differences from the float version on validation images."""

    quantized_from: int
    num_images: int
    float_accuracy: float
    int8_accuracy: float
    num_changed: int
    max_probability_difference: float


class Gate(Resource):
    """The conditions that a version must fulfil to become `champion`."""

    dataset_id: str
    split: Literal["train", "val", "test"]
    max_class_drop: float
    significance: float
    require: Literal["not_worse", "better"]


class GateResult(Resource):
    """The result of a gate; the champion's values are None if there was no champion."""

    passed: bool
    num_images: int
    candidate_accuracy: float
    champion_version: int | None
    champion_accuracy: float | None
    p_value: float | None
    reasons: list[str]
    warnings: list[str]


class Alias(ModelVersion):
    """A movable pointer to one version; gate is None if no gate was applied."""

    alias: str
    gate: GateResult | None


class ModelEvent(Resource):
    """An event of a model."""

    id: str
    type: str
    version: int | None
    alias: str | None
    from_version: int | None
    payload: dict[str, Any]
    created_at: datetime
