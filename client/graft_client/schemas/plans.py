"""Advice and validation: results that are available before a job is created."""

from typing import Any

from graft_client.schemas.base import Proportion, Schema


class LinearProbe(Schema):
    """The cross-validated accuracy of a linear head on the features of one stage."""

    stage: str
    num_features: int
    accuracy: Proportion
    l2_strength: float


class SecondsPerImage(Schema):
    """Measured seconds per image; `step` is by strategy."""

    decoding: float
    forward: float
    step: dict[str, float]


class Candidate(Schema):
    """An architecture that was considered, and why it was chosen or not."""

    architecture: str
    imagenet_accuracy: float
    num_parameters: int
    estimated_seconds: float | None
    verdict: str


class AdviceMeasurements(Schema):
    """The measurements behind the advice."""

    num_images: int
    per_class: dict[str, int]
    imbalance: float
    images_per_class: float
    size: str
    similarity: str
    num_images_probed: int
    late: LinearProbe
    early: LinearProbe
    gap: Proportion
    accuracy_with_half: float
    device: str
    seconds_per_image: SecondsPerImage
    expected_seconds: dict[str, float]
    candidates: list[Candidate]


class Advice(Schema):
    """Advice on how to train on a dataset, with the measurements behind it."""

    architecture: str
    strategy: str
    trainable_from: str | None
    stage: str | None
    expected_accuracy: Proportion
    expected_seconds: float
    reason: str
    measurements: AdviceMeasurements

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a job that follows the advice: `graft.train(dataset, **advice.fields)`."""
        chosen = {"architecture": self.architecture, "strategy": self.strategy}
        return chosen | ({"trainable_from": self.trainable_from} if self.trainable_from else {})

    def __repr__(self) -> str:
        accuracy = self.expected_accuracy
        return (
            f"<Advice: {self.strategy} {self.architecture}, expected accuracy "
            f"{accuracy.value:.3f} ({accuracy.low:.3f}-{accuracy.high:.3f}). {self.reason}>"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from graft_client.display.html import advice_html  # noqa: PLC0415 - only notebooks need it

        return advice_html(self)


class MemoryEstimate(Schema):
    """The estimated memory of training, without activations."""

    parameter_bytes: int
    gradient_bytes: int
    optimizer_bytes: int


class DryRun(Schema):
    """Time and memory of one batch of a job; None if not even one image fits."""

    device: str
    fits: bool
    fitting_batch_size: int | None
    train_seconds_per_image: float | None
    eval_seconds_per_image: float | None
    peak_memory_bytes: int | None
    available_memory_bytes: int
    estimated_seconds: float | None


class JobProblem(Schema):
    """A reason why a job would be rejected."""

    code: str
    message: str
    loc: list[str | int] | None
    allowed: list[str] | None


class Validation(Schema):
    """The validation of a job request; measured is None if no batch could be run."""

    is_valid: bool
    config: dict[str, Any] | None
    num_parameters: int | None
    num_trainable_parameters: int | None
    memory: MemoryEstimate | None
    estimated_seconds: float | None
    measured: DryRun | None
    problems: list[JobProblem]
