"""How a request becomes a recipe: what the caller left out comes from the preset.

The tutorials: "Finetuning Torchvision Models" (Inkawhich) for `tutorial`, "Transfer Learning for
Computer Vision" (Chilamkurthy) for the step schedule of `tutorial-steplr`.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from app.errors import InputProblem, ValidationFailed
from app.jobs.schemas import JobConfig, JobRequest, Preset
from app.ml.catalogue import Entry, get_entry, list_entries
from app.ml.recipe import (
    AdamW,
    Augmentation,
    ConstantSchedule,
    CosineSchedule,
    NoAugmentation,
    Optimizer,
    RmsProp,
    Scheduler,
    Sgd,
    StepSchedule,
    Strategy,
    TutorialAugmentation,
)

TUTORIAL: dict[str, Any] = {
    "architecture": "resnet18",
    "epochs": 15,
    "batch_size": 8,
    "optimizer": Sgd(learning_rate=0.001, momentum=0.9),
    "scheduler": ConstantSchedule(),
    "augmentation": TutorialAugmentation(),
}

RECOMMENDED: dict[str, Any] = TUTORIAL | {
    "scheduler": CosineSchedule(warmup_epochs=1.0),
    "augmentation": TutorialAugmentation(min_scale=0.35),
}

RECOMMENDED_BY_STRATEGY: dict[Strategy, dict[str, Any]] = {
    "feature_extract": {"epochs": 15, "optimizer": AdamW(learning_rate=3e-3)},
    "partial": {"epochs": 10, "optimizer": AdamW(learning_rate=3e-4)},
    "fine_tune": {"epochs": 10, "optimizer": AdamW(learning_rate=1e-4)},
    "scratch": {"epochs": 10, "optimizer": AdamW(learning_rate=3e-4)},
}
"""A new head can be moved faster than a grown trunk (measured: docs/results.md)."""

PRESETS: dict[Preset, dict[str, Any]] = {
    "recommended": RECOMMENDED,
    "tutorial": TUTORIAL,
    "tutorial-steplr": TUTORIAL | {"epochs": 25, "scheduler": StepSchedule(step_size=7, gamma=0.1)},
    "tutorial-inception": TUTORIAL
    | {"architecture": "inception_v3", "epochs": 30, "optimizer": RmsProp(learning_rate=0.001)},
}


_PUBLISHED_NAMES = frozenset(weights.name for entry in list_entries() for weights in entry.weights)


class BaseModelFacts(BaseModel):
    """What is inherited from the registered model that a job goes on from."""

    reference: str
    architecture: str
    input_size: int
    checkpoint_key: str


def resolve(
    request: JobRequest, *, dataset_name: str, num_threads: int, base: BaseModelFacts | None
) -> JobConfig:
    """Fill in everything the caller left out.

    base is the registered model that `weights` refers to, if it does. Raises ValidationFailed with
    what is allowed.
    """
    preset = PRESETS[request.preset]
    strategy = _resolve_strategy(request)
    if request.preset == "recommended":
        preset = preset | RECOMMENDED_BY_STRATEGY[strategy]
    entry = _resolve_architecture(request, preset, base)
    weights = base.reference if base else request.weights
    if weights is None:
        weights = "none" if strategy == "scratch" else "imagenet"
    _check_weights_entry(entry, weights, base)
    batch_size = request.batch_size or preset["batch_size"]
    return JobConfig(
        dataset_id=request.dataset_id,
        architecture=entry.name,
        strategy=strategy,
        trainable_from=_resolve_trainable_from(request, strategy, entry),
        weights=weights,
        preset=request.preset,
        epochs=request.epochs or preset["epochs"],
        batch_size=batch_size,
        input_size=_resolve_input_size(request, entry, batch_size, base),
        seed=request.seed,
        num_threads=request.num_threads or num_threads,
        optimizer=_merge("optimizer", request, preset["optimizer"], Optimizer),
        scheduler=_merge("scheduler", request, preset["scheduler"], Scheduler, ConstantSchedule()),
        augmentation=_merge(
            "augmentation", request, preset["augmentation"], Augmentation, NoAugmentation()
        ),
        early_stopping=request.early_stopping,
        model_name=request.model_name or dataset_name,
    )


def is_published(weights: str | None) -> bool:
    """Whether `weights` (left out counts) is no reference to a model of this service."""
    return weights in {None, "imagenet", "none", *_PUBLISHED_NAMES}


def _resolve_strategy(request: JobRequest) -> Strategy:
    untrained = request.weights == "none"
    strategy = request.strategy or ("scratch" if untrained else "feature_extract")
    if untrained and strategy in {"feature_extract", "partial"}:
        raise _problem(
            "strategy",
            f"{strategy} would freeze random weights; with weights 'none' every layer must learn.",
            ("scratch", "fine_tune"),
        )
    if strategy == "scratch" and request.weights not in {None, "none"}:
        raise _problem(
            "weights", "The strategy scratch starts from random weights.", ("none", "left out")
        )
    return strategy


def _resolve_architecture(
    request: JobRequest, preset: Mapping[str, Any], base: BaseModelFacts | None
) -> Entry:
    if base is None:
        return get_entry(request.architecture or preset["architecture"])
    entry = get_entry(base.architecture)
    if request.architecture and get_entry(request.architecture).name != entry.name:
        raise _problem(
            "architecture",
            f"{base.reference} is a {entry.name}; a job that goes on from it has its architecture.",
            (entry.name, "left out"),
        )
    return entry


def _check_weights_entry(entry: Entry, weights: str, base: BaseModelFacts | None) -> None:
    names = tuple(weight.name for weight in entry.weights)
    if base is None and weights not in {"imagenet", "none", *names}:
        raise _problem(
            "weights",
            f"There are no weights called '{weights}' for {entry.name}.",
            ("imagenet", "none", *names, "a model reference"),
        )


def _resolve_trainable_from(request: JobRequest, strategy: Strategy, entry: Entry) -> str | None:
    if strategy != "partial":
        if request.trainable_from is not None:
            raise _problem(
                "trainable_from", "Only the strategy partial has a first layer.", ("left out",)
            )
        return None
    layers = tuple(layer.name for layer in entry.layers)
    if request.trainable_from not in layers:
        raise _problem(
            "trainable_from", "partial needs the name of the first layer that learns.", layers
        )
    return request.trainable_from


def _resolve_input_size(
    request: JobRequest, entry: Entry, batch_size: int, base: BaseModelFacts | None
) -> int:
    size = request.input_size or (base.input_size if base else entry.input_size)
    smallest = entry.get_min_input_size(batch_size)
    if size < smallest:
        raise _problem(
            "input_size",
            f"{entry.name} cannot learn from images smaller than {smallest} pixels "
            f"in batches of {batch_size}.",
            (f">= {smallest}",),
        )
    return size


def _merge(
    field: str, request: JobRequest, preset: BaseModel, kind: Any, switched_off: Any = None
) -> Any:
    """The preset's part with the request's changes, or another part with its own defaults."""
    changes = getattr(request, field)
    if changes is None:
        if field in request.model_fields_set:
            if switched_off is None:
                raise _problem(field, f"The {field} cannot be switched off.", ("an object",))
            return switched_off
        return preset
    given = changes.model_dump(exclude_unset=True, exclude_none=True)
    same = given.get("name", preset.model_dump()["name"]) == preset.model_dump()["name"]
    try:
        return TypeAdapter(kind).validate_python((preset.model_dump() if same else {}) | given)
    except ValidationError as error:
        raise ValidationFailed(
            *(_unknown_field(field, item, kind) for item in error.errors())
        ) from None


def _unknown_field(field: str, item: Any, kind: Any) -> InputProblem:
    loc = ("body", field, *item["loc"][1:])
    if item["type"] != "extra_forbidden":
        return InputProblem(loc, item["msg"])
    part = next(
        part
        for part in kind.__origin__.__args__
        if part.model_fields["name"].default == item["loc"][0]
    )
    return InputProblem(
        loc,
        f"{item['loc'][0]} has no {item['loc'][-1]}.",
        tuple(name for name in part.model_fields if name != "name"),
    )


def _problem(field: str, message: str, allowed: tuple[str, ...]) -> ValidationFailed:
    return ValidationFailed(InputProblem(("body", field), message, allowed))
