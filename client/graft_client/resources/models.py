"""Models: their versions, where they point, what they are worth, what was done to them."""

from datetime import datetime
from typing import Any, Literal

from graft_client.resources.base import Resource
from graft_client.resources.reports import SplitFigures


class ModelVersion(Resource):
    """A servable model."""

    name: str
    version: int

    @property
    def reference(self) -> str:
        """The reference that means this very version."""
        return f"{self.name}:{self.version}"


class Weights(Resource):
    """Pretrained weights of an architecture."""

    name: str
    availability: Literal["local", "download", "unavailable"]


class Architecture(Resource):
    """A network that the service can train."""

    name: str
    input_size: int
    num_parameters: int
    weights: list[Weights]


class ShadowCounts(Resource):
    """How far a shadow agrees with the model that answers; agreement is 0-1."""

    num_images: int
    num_agreed: int
    agreement: float | None
    agreement_interval: tuple[float, float] | None
    mean_abs_difference: float | None
    num_dropped: int
    num_failed: int


class Shadow(Resource):
    """A model that sees a share of the same images, and whose answers are only counted."""

    model: str
    fraction: float
    resolved: ModelVersion
    tally: ShadowCounts


class ChosenModel(Resource):
    """The model that predicts where none is named."""

    model: str
    resolved: ModelVersion
    shadow: Shadow | None = None


class Evaluation(SplitFigures, ModelVersion):
    """What a version is worth on the images of one split."""

    dataset_id: str
    split: Literal["train", "val", "test"]
    class_names: list[str]
    calibration_error: float
    log_loss: float
    warnings: list[str]


class Quantization(ModelVersion):
    """A version in int8, and what rounding changed on validation images."""

    quantized_from: int
    num_images: int
    float_accuracy: float
    int8_accuracy: float
    num_changed: int
    max_probability_difference: float


class Gate(Resource):
    """What a version must pass before `champion` may point to it."""

    dataset_id: str
    split: Literal["train", "val", "test"]
    max_class_drop: float
    significance: float
    require: Literal["not_worse", "better"]


class GateResult(Resource):
    """What a gate said of a promotion; figures of the champion are None where there was none."""

    passed: bool
    num_images: int
    candidate_accuracy: float
    champion_version: int | None
    champion_accuracy: float | None
    p_value: float | None
    reasons: list[str]
    warnings: list[str]


class Alias(ModelVersion):
    """A movable pointer to one version; gate is None where none was asked."""

    alias: str
    gate: GateResult | None


class ModelEvent(Resource):
    """One entry of a model's log."""

    id: str
    type: str
    version: int | None
    alias: str | None
    from_version: int | None
    payload: dict[str, Any]
    created_at: datetime
