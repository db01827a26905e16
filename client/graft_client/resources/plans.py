"""What is known of a job before it is posted."""

from typing import Any

from graft_client.resources.base import Resource


class Proportion(Resource):
    """A share of images, 0-1, and its 95 % interval."""

    value: float
    low: float
    high: float


class Advice(Resource):
    """How to train on a dataset; measurements holds the figures behind it."""

    architecture: str
    strategy: str
    trainable_from: str | None
    stage: str | None
    expected_accuracy: Proportion
    expected_seconds: float
    reason: str
    measurements: dict[str, Any]


class DryRun(Resource):
    """What a batch of a job took; figures are null where not even one image fits."""

    device: str
    fits: bool
    fitting_batch_size: int | None
    train_seconds_per_image: float | None
    eval_seconds_per_image: float | None
    peak_memory_bytes: int | None
    available_memory_bytes: int
    estimated_seconds: float | None


class JobProblem(Resource):
    """Why a job would be refused."""

    code: str
    message: str
    loc: list[str | int] | None
    allowed: list[str] | None


class Validation(Resource):
    """What a job would do; measured is null where its configuration leaves open what would run."""

    is_valid: bool
    config: dict[str, Any] | None
    num_parameters: int | None
    num_trainable_parameters: int | None
    estimated_seconds: float | None
    measured: DryRun | None
    problems: list[JobProblem]
