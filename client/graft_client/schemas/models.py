"""Models: versions, aliases, serving, evaluations, quantization, gates and events."""

from datetime import datetime
from typing import Any, Literal

from graft_client.schemas.base import Schema
from graft_client.schemas.reports import SplitFigures


class VersionName(Schema):
    """The name and number of a registered model version."""

    name: str
    version: int

    @property
    def reference(self) -> str:
        """The reference to this version."""
        return f"{self.name}:{self.version}"


class VersionCalibration(Schema):
    """The temperature that divides a version's scores, and the images it was fitted on."""

    temperature: float
    num_images: int


class VersionFields(VersionName):
    """The fields of a model version; accuracies are 0-1."""

    aliases: list[str]
    job_id: str
    architecture: str
    class_names: list[str]
    input_size: int
    val_accuracy: float
    val_balanced_accuracy: float | None = None
    calibration: VersionCalibration | None
    num_bytes: int
    digest: str
    dataset_digest: str | None
    quantized_from: int | None
    created_at: datetime

    def __repr__(self) -> str:
        aliases = "".join(f" @{alias}" for alias in self.aliases)
        return (
            f"<{type(self).__name__} {self.reference}{aliases}: {self.architecture}, "
            f"val_accuracy {self.val_accuracy:.3f}, {len(self.class_names)} classes>"
        )

    __str__ = __repr__


class NewestVersion(Schema):
    """The newest version of a model, in short; accuracies are 0-1."""

    version: int
    val_accuracy: float
    val_balanced_accuracy: float | None = None
    architecture: str
    num_classes: int
    created_at: datetime


class ModelSummary(Schema):
    """A registered model without its versions; newest_version is None if all were deleted."""

    name: str
    newest_version: int | None
    aliases: dict[str, int]
    metadata: dict[str, str]
    created_at: datetime
    newest: NewestVersion | None = None
    champion: int | None = None

    def __repr__(self) -> str:
        aliases = "".join(f", {alias} is {number}" for alias, number in self.aliases.items())
        newest = self.newest_version or "no versions"
        return f"<{type(self).__name__} '{self.name}': newest version {newest}{aliases}>"

    __str__ = __repr__


class Weights(Schema):
    """Pretrained weights of an architecture; imagenet_accuracy is 0-1, None for timm's.

    num_classes is 1000 for ImageNet's classes and 0 without a head. input_size is in pixels.
    """

    name: str
    is_default: bool
    availability: Literal["local", "download", "unavailable"]
    imagenet_accuracy: float | None
    gflops: float
    licence: str | None = None
    num_classes: int = 1000
    input_size: int | None = None


class Architecture(Schema):
    """An architecture that the service can train; sizes are in pixels.

    Sizes differ from input_size by multiples of input_size_step.
    """

    name: str
    library: str = "torchvision"
    aliases: list[str]
    input_size: int
    fixed_input_size: bool
    input_size_step: int = 1
    min_input_size: int
    num_parameters: int
    weights: list[Weights]


class ShadowCounts(Schema):
    """The agreement of a shadow model with the serving model, 0-1, and its counts."""

    num_images: int
    num_agreed: int
    agreement: float | None
    agreement_interval: tuple[float, float] | None
    mean_abs_difference: float | None
    num_dropped: int
    num_failed: int


class Shadow(Schema):
    """A model that also predicts a share of the images; its predictions are only compared."""

    model: str
    fraction: float
    resolved: VersionName
    tally: ShadowCounts


class ChosenModel(Schema):
    """The serving model, which predicts if a request names no model."""

    model: str
    resolved: VersionName
    shadow: Shadow | None
    updated_at: datetime


class Evaluation(SplitFigures, VersionName):
    """The evaluation of a version on one split of a dataset."""

    dataset_id: str
    dataset_digest: str
    split: Literal["train", "val", "test"]
    class_names: list[str]
    calibration_error: float
    log_loss: float
    warnings: list[str]
    evaluated_at: datetime


class Quantization(VersionName):
    """A version in int8, and its differences from the float version on validation images."""

    quantized_from: int
    num_images: int
    float_accuracy: float
    int8_accuracy: float
    float_balanced_accuracy: float | None = None
    int8_balanced_accuracy: float | None = None
    num_changed: int
    max_probability_difference: float


class Gate(Schema):
    """The conditions that a version must fulfil to become `champion`."""

    dataset_id: str
    dataset_digest: str
    split: Literal["train", "val", "test"]
    max_class_drop: float
    significance: float
    require: Literal["not_worse", "better"]


class ClassDrop(Schema):
    """The decrease of a class's recall from the champion to the candidate."""

    class_name: str
    champion_recall: float
    candidate_recall: float
    drop: float


class GateResult(Schema):
    """The result of a gate; the champion's values are None if there was no champion."""

    passed: bool
    dataset_id: str
    split: Literal["train", "val", "test"]
    num_images: int
    candidate_version: int
    candidate_accuracy: float
    champion_version: int | None
    champion_accuracy: float | None
    only_champion_right: int | None
    only_candidate_right: int | None
    p_value: float | None
    class_drops: list[ClassDrop]
    reasons: list[str]
    warnings: list[str]


class Alias(VersionName):
    """A movable pointer to one version; gate is None if no gate was applied."""

    alias: str
    updated_at: datetime
    gate: GateResult | None


class ModelEvent(Schema):
    """An event of a model."""

    id: str
    name: str
    type: str
    version: int | None
    alias: str | None
    from_version: int | None
    payload: dict[str, Any]
    created_at: datetime
