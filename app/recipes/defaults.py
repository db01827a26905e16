"""Resolve a job request to a configuration; the preset gives the fields that were left out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from app.errors import InputProblem, ValidationFailed
from app.ml.models.catalogue import (
    PRETRAINED,
    ArchitectureSpec,
    get_architecture,
    list_architectures,
)
from app.ml.models.timm_catalogue import INSTALL, is_installed, is_timm, split_tag
from app.ml.recipe import (
    Augmentation,
    Auto,
    ConstantSchedule,
    Lbfgs,
    NoAugmentation,
    Optimizer,
    Scheduler,
    Strategy,
    StrategyOrAuto,
)
from app.recipes.budget import check_budget
from app.recipes.presets import PresetValues, choose_preset
from app.recipes.rules import check_combination
from app.recipes.schemas import JobConfig, JobRequest
from app.web.input_problems import list_problems

_PUBLISHED_NAMES = frozenset(
    weights.name for architecture in list_architectures() for weights in architecture.weights
)


class BaseModelFacts(BaseModel):
    """Properties of the registered model that a job starts from; the job inherits them."""

    reference: str
    architecture: str
    input_size: int
    checkpoint_key: str


class AutoDecision(BaseModel):
    """The values that replace `auto` in a request."""

    architecture: str
    strategy: Strategy
    trainable_from: str | None = None


_PLAIN = (
    "batch_size",
    "precision",
    "compile",
    "head",
    "head_start",
    "batch_norm",
    "layer_decay",
    "label_smoothing",
    "class_balance",
    "accumulate",
)
"""Fields that are copied from the request; the preset gives those that are null."""

_SWITCHED = ("cached_views", "staged_unfreezing", "mixing", "clip_norm", "ema", "early_stopping")
"""Fields that are copied from the request if it has them; null disables the feature."""


def resolve(
    request: JobRequest,
    *,
    dataset_name: str,
    num_threads: int,
    base: BaseModelFacts | None,
    decision: AutoDecision | None = None,
) -> JobConfig:
    """Return the configuration with a value for every field that the request leaves out.

    base is the registered model if `weights` refers to one. With a decision, no value stays `auto`.
    Raises ValidationFailed with the allowed values.
    """
    budget = request.time_budget_seconds
    if budget is not None:
        check_budget(request)
    if decision is not None:
        used = dict.fromkeys(("time_budget_seconds", "max_parameters"))
        request = request.model_copy(update=decision.model_dump() | used)
    request = split_weights(request)
    strategy = _resolve_strategy(request)
    preset = choose_preset(request, strategy)
    architecture = _resolve_architecture(request, preset, base)
    weights = base.reference if base else request.weights
    if weights is None:
        weights = "none" if strategy == "scratch" else _choose_weights(architecture)
    _check_weights(architecture, weights, base)
    given = {name: getattr(request, name) for name in _PLAIN}
    plain = {
        name: getattr(preset, name) if value is None else value for name, value in given.items()
    }
    switched = {
        name: getattr(request, name) if name in request.model_fields_set else getattr(preset, name)
        for name in _SWITCHED
    }
    optimizer = _merge("optimizer", request, preset.optimizer, Optimizer)
    is_head_solved = plain["head_start"] != "random" or isinstance(optimizer, Lbfgs)
    if request.class_balance is None and not is_head_solved:
        plain["class_balance"] = "none"  # heads that are not solved for cannot be compared
    config = JobConfig(
        dataset_id=str(request.dataset_id),
        architecture=architecture.name if architecture else "auto",
        strategy=strategy,
        trainable_from=_resolve_trainable_from(request, strategy, architecture),
        weights=weights,
        preset=request.preset,
        epochs=request.epochs or len(getattr(optimizer, "l2_strengths", ())) or preset.epochs,
        input_size=_resolve_input_size(request, architecture, weights, plain["batch_size"], base),
        seed=request.seed,
        num_threads=request.num_threads or num_threads,
        optimizer=optimizer,
        scheduler=_merge("scheduler", request, preset.scheduler, Scheduler, ConstantSchedule()),
        augmentation=_merge(
            "augmentation", request, preset.augmentation, Augmentation, NoAugmentation()
        ),
        model_name=request.model_name or dataset_name,
        time_budget_seconds=budget,
        **plain,
        **switched,
    )
    check_combination(config, architecture)
    return config


def is_published(request: JobRequest) -> bool:
    """Return False if the request's `weights` are a reference to a registered model."""
    request = split_weights(request)
    names = {None, "none", *PRETRAINED, *_PUBLISHED_NAMES}
    if request.architecture is not None and is_timm(request.architecture):
        with _in_body():
            names |= {weights.name for weights in get_architecture(request.architecture).weights}
    return request.weights in names


def split_weights(request: JobRequest) -> JobRequest:
    """Return the request with the weights of `timm:<architecture>.<weights>` in its `weights`.

    Raises ValidationFailed where the request's `weights` are others.
    """
    architecture, tag = split_tag(request.architecture or "")
    if tag is None:
        return request
    if request.weights not in {None, tag}:
        raise _problem(
            "weights",
            f"`weights` is '{request.weights}', but `architecture` names the weights '{tag}'.",
            (tag, "left out"),
        )
    return request.model_copy(update={"architecture": architecture, "weights": tag})


def _choose_weights(architecture: ArchitectureSpec | None) -> str:
    """Return the weights of a request without `weights`."""
    if architecture is None or not architecture.is_of_timm:
        return "imagenet"
    if not architecture.weights:
        raise _problem(
            "weights",
            f"There are no published weights of {architecture.name}; it can only be trained with "
            "the strategy scratch.",
            ("none",),
        )
    return "pretrained"


def _resolve_strategy(request: JobRequest) -> StrategyOrAuto:
    untrained = request.weights == "none"
    strategy = request.strategy or ("scratch" if untrained else "feature_extract")
    if untrained and strategy not in {"scratch", "fine_tune"}:
        raise _problem(
            "strategy",
            f"`strategy` is {strategy}, which freezes layers; with weights 'none' every layer must "
            "be trained.",
            ("scratch", "fine_tune"),
        )
    if strategy == "scratch" and request.weights not in {None, "none"}:
        raise _problem(
            "weights",
            f"`weights` is '{request.weights}', but the strategy scratch starts from random "
            "weights.",
            ("none", "left out"),
        )
    return strategy


def _resolve_architecture(
    request: JobRequest, preset: PresetValues, base: BaseModelFacts | None
) -> ArchitectureSpec | None:
    """Return the architecture, or None while it is `auto`."""
    wanted = request.architecture
    if base is not None:
        architecture = get_architecture(base.architecture)
        if wanted not in {None, "auto"} and get_architecture(str(wanted)).name != architecture.name:
            raise _problem(
                "architecture",
                f"{base.reference} is a {architecture.name}; a job that starts from it has the "
                "same architecture.",
                (architecture.name, "left out"),
            )
        return architecture
    if wanted != "auto":
        if request.max_parameters is not None:
            message = (
                '`max_parameters` needs `"architecture": "auto"`; it is a limit for that choice.'
            )
            raise _problem("max_parameters", message, ("left out",))
        with _in_body():
            found = get_architecture(wanted or preset.architecture)
        if found.is_of_timm and not is_installed():
            message = f"`architecture` is {found.name}, but {INSTALL}"
            raise _problem("architecture", message, ("an architecture of torchvision",))
        return found
    if request.weights not in {None, *PRETRAINED} or request.strategy == "scratch":
        message = (
            'With `"architecture": "auto"` only the ImageNet weights can be used; leave `weights` '
            "out."
        )
        raise _problem("weights", message, ("imagenet", "left out"))
    return None


def _check_weights(
    architecture: ArchitectureSpec | None, weights: str, base: BaseModelFacts | None
) -> None:
    names = architecture.list_weights_names() if architecture else (*PRETRAINED, "none")
    name = architecture.name if architecture else "auto"
    if base is not None or weights in names:
        return
    if weights == "imagenet":
        message = f"The default weights of {name} are not trained for ImageNet's 1,000 classes."
    else:
        message = f"There are no weights called '{weights}' for {name}."
    raise _problem("weights", message, (*names, "a model reference"))


def _resolve_trainable_from(
    request: JobRequest, strategy: StrategyOrAuto, architecture: ArchitectureSpec | None
) -> str | None:
    if strategy != "partial":
        if request.trainable_from is not None:
            raise _problem(
                "trainable_from",
                f"`trainable_from` needs the strategy partial; the strategy is {strategy}.",
                ("left out",),
            )
        return None
    if architecture is None:
        message = "Strategy partial needs `trainable_from`, so it needs a named architecture."
        raise _problem("architecture", message, ("the name of one",))
    layers = tuple(layer.name for layer in architecture.layers)
    if request.trainable_from not in layers:
        raise _problem(
            "trainable_from",
            f"`trainable_from` is {request.trainable_from!r}; the strategy partial needs the name "
            f"of the first layer to train, `{layers[0]}` to `{layers[-1]}` in {architecture.name}.",
            layers,
        )
    return request.trainable_from


def _resolve_input_size(
    request: JobRequest,
    architecture: ArchitectureSpec | None,
    weights: str,
    batch_size: int,
    base: BaseModelFacts | None,
) -> int | Auto:
    if architecture is None:
        return request.input_size or "auto"
    if base is not None:
        usual = base.input_size
    else:
        usual = (
            architecture.input_size
            if weights == "none"
            else architecture.get_weights(weights).crop_size
        )
    size = request.input_size or usual
    with _in_body():
        architecture.check_input_size(size, batch_size)
    return size


@contextmanager
def _in_body() -> Iterator[None]:
    """Prefix the locations of errors with `body`."""
    try:
        yield
    except ValidationFailed as error:
        raise ValidationFailed(
            *(replace(problem, loc=("body", *problem.loc)) for problem in error.problems)
        ) from None


def _merge(
    field: str, request: JobRequest, preset: Any, kind: Any, switched_off: Any = None
) -> Any:
    """Apply the request's changes to the preset's component, or to the defaults of another one."""
    changes = getattr(request, field)
    if changes is None:
        if field in request.model_fields_set:
            if switched_off is None:
                raise _problem(
                    field,
                    f"`{field}` is null, but it cannot be disabled; send an object.",
                    ("an object",),
                )
            return switched_off
        return preset
    given = changes.model_dump(exclude_unset=True, exclude_none=True)
    if preset == "auto":
        if "name" not in given:
            raise _problem(field, f"With the strategy auto `{field}` needs its `name`.", ("name",))
        preset = TypeAdapter(kind).validate_python({"name": given["name"]})
    same = given.get("name", preset.model_dump()["name"]) == preset.model_dump()["name"]
    try:
        return TypeAdapter(kind).validate_python((preset.model_dump() if same else {}) | given)
    except ValidationError as error:
        problems = list_problems(error.errors(), kind, locate=lambda path: ("body", field, *path))
        raise ValidationFailed(*problems) from None


def _problem(field: str, message: str, allowed: tuple[str, ...]) -> ValidationFailed:
    return ValidationFailed(InputProblem(("body", field), message, allowed))
