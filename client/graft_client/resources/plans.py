"""Advice and validation: results that are available before a job is created."""

from typing import Any

from graft_client.resources.base import Resource


class Proportion(Resource):
    """A proportion of images, 0-1, with its 95 % interval."""

    value: float
    low: float
    high: float


class Advice(Resource):
    """Advice on how to train on a dataset, with the measurements behind it."""

    architecture: str
    strategy: str
    trainable_from: str | None
    stage: str | None
    expected_accuracy: Proportion
    expected_seconds: float
    reason: str
    measurements: dict[str, Any]


class DryRun(Resource):
    """Time and memory of one batch of a job; None if not even one image fits."""

    device: str
    fits: bool
    fitting_batch_size: int | None
    train_seconds_per_image: float | None
    eval_seconds_per_image: float | None
    peak_memory_bytes: int | None
    available_memory_bytes: int
    estimated_seconds: float | None


class JobProblem(Resource):
    """A reason why a job would be rejected."""

    code: str
    message: str
    loc: list[str | int] | None
    allowed: list[str] | None


class Validation(Resource):
    """The validation of a job request; measured is None if no batch could be run."""

    is_valid: bool
    config: dict[str, Any] | None
    num_parameters: int | None
    num_trainable_parameters: int | None
    estimated_seconds: float | None
    measured: DryRun | None
    problems: list[JobProblem]
