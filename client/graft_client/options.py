"""The fields of a job request, for editors and type checkers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict

Strategy = Literal["auto", "feature_extract", "fine_tune", "partial", "scratch"]
Preset = Literal["recommended", "tutorial", "tutorial-steplr", "tutorial-inception"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]


class JobOptions(TypedDict, total=False):
    """The fields of `POST /jobs` besides the dataset; the preset gives those that are left out.

    None switches a thing off, such as `early_stopping`. The service's reference describes each.
    """

    clone_of: str | None
    architecture: str | None
    time_budget_seconds: float | None
    max_parameters: int | None
    strategy: Strategy | None
    trainable_from: str | None
    weights: str | None
    preset: Preset
    epochs: int | None
    batch_size: int | None
    input_size: int | None
    seed: int
    num_threads: int | None
    optimizer: Mapping[str, Any] | None
    scheduler: Mapping[str, Any] | None
    augmentation: Mapping[str, Any] | None
    early_stopping: Mapping[str, Any] | None
    precision: Precision | None
    compile: bool | None
    head: Literal["torchvision", "linear"] | None
    head_start: Literal["random", "linear_probe"] | None
    batch_norm: Literal["train", "eval"] | None
    cached_views: int | None
    layer_decay: float | None
    staged_unfreezing: Mapping[str, Any] | None
    mixing: Mapping[str, Any] | None
    label_smoothing: float | None
    class_balance: Literal["auto", "none", "loss", "sampling"] | None
    clip_norm: float | None
    accumulate: int | None
    ema: Mapping[str, Any] | None
    model_name: str | None
    metadata: Mapping[str, str]


class PredictOptions(TypedDict, total=False):
    """Options of a prediction.

    coverage (0.5-0.999) requests a prediction set that contains the correct label for this share of
    images; logits the scores before the softmax.
    """

    top_k: int
    coverage: float | None
    logits: bool


class AuditFilters(TypedDict, total=False):
    """Which entries of the audit log to list; None for any."""

    action: str | None
    subject: str | None
    principal_id: str | None
    since: datetime | None
    until: datetime | None


def audit_parameters(filters: AuditFilters) -> dict[str, str]:
    """Return the query parameters of filters."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value)
        for name, value in filters.items()
        if value is not None
    }
