"""Check which fields of a recipe can be combined."""

from collections.abc import Iterator

from app.errors import InputProblem, ValidationFailed
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.recipe import Configuration, Lbfgs


def check_combination(config: Configuration, architecture: ArchitectureSpec | None) -> None:
    """Raise ValidationFailed for fields that cannot be combined; `auto` values are not checked."""
    problems = tuple(_find_problems(config, architecture))
    if problems:
        raise ValidationFailed(*problems)


def _find_problems(
    config: Configuration, architecture: ArchitectureSpec | None
) -> Iterator[InputProblem]:
    frozen = config.strategy in {"feature_extract", "partial"}
    if config.strategy == "auto":
        return
    if isinstance(config.optimizer, Lbfgs):
        yield from _find_solver_problems(config, config.optimizer)
    elif config.cached_views is not None:
        yield from _find_cache_problems(config, is_frozen=frozen)
    if config.head_start == "linear_probe" and config.weights == "none":
        yield _problem(
            "head_start",
            "`head_start` is linear_probe, which needs pretrained weights; with weights none it "
            "must be random.",
            "random",
        )
    has_relu = architecture is not None and architecture.name.startswith("squeezenet")
    needs_linear = config.head_start == "linear_probe" or isinstance(config.optimizer, Lbfgs)
    if needs_linear and has_relu and config.head == "torchvision":
        yield _problem(
            "head",
            f"The torchvision head of {config.architecture} ends in a ReLU, so it cannot be solved "
            "for; `head` must be linear.",
            "linear",
        )
    if config.class_balance == "auto" and not needs_linear:
        yield _problem(
            "class_balance",
            "`class_balance` auto compares solved heads; it needs `head_start` linear_probe or the "
            "optimizer lbfgs.",
            *("none", "loss", "sampling"),
        )
    if config.staged_unfreezing is not None and config.strategy not in {"fine_tune", "partial"}:
        message = (
            f"`staged_unfreezing` needs the strategy fine_tune or partial, not {config.strategy}."
        )
        yield _problem("staged_unfreezing", message, "null")
    if config.batch_norm == "eval" and config.weights == "none":
        yield _problem(
            "batch_norm",
            "With weights none, BatchNorm has no stored statistics; `batch_norm` must be train.",
            "train",
        )


def _find_solver_problems(config: Configuration, solver: Lbfgs) -> Iterator[InputProblem]:
    if config.strategy != "feature_extract":
        message = (
            f"lbfgs needs a frozen backbone; the strategy {config.strategy} trains more layers."
        )
        yield _problem("optimizer", message, "sgd", "rmsprop", "adamw")
    if config.epochs != len(solver.l2_strengths):
        message = (
            f"`epochs` is {config.epochs}; with lbfgs it must be the number of L2 strengths, "
            f"{len(solver.l2_strengths)}."
        )
        yield _problem("epochs", message, str(len(solver.l2_strengths)))
    off = {
        "mixing": None,
        "label_smoothing": 0.0,
        "clip_norm": None,
        "accumulate": 1,
        "ema": None,
        "early_stopping": None,
        "layer_decay": 1.0,
        "head_start": "random",
        "batch_norm": "eval",
        "cached_views": 1,
    }
    for field, value in off.items():
        if getattr(config, field) != value:
            allowed = "null" if value is None else str(value)
            message = f"lbfgs takes no gradient steps; with it, `{field}` must be {allowed}."
            yield _problem(field, message, allowed)
    if config.class_balance == "sampling":
        message = "lbfgs uses each image once; `class_balance` must be auto, loss or none."
        yield _problem("class_balance", message, "auto", "loss", "none")
    if getattr(config.augmentation, "name", "none") != "none":
        yield _problem(
            "augmentation",
            "lbfgs uses each image once, without augmentation; `augmentation` must be none.",
            "none",
        )


def _find_cache_problems(config: Configuration, *, is_frozen: bool) -> Iterator[InputProblem]:
    if not is_frozen:
        message = (
            f"`cached_views` needs frozen layers; the strategy {config.strategy} trains every "
            "layer."
        )
        yield _problem("cached_views", message, "null")
    if config.batch_norm != "eval":
        message = "`cached_views` needs constant BatchNorm statistics; `batch_norm` must be eval."
        yield _problem("batch_norm", message, "eval")
    if config.mixing is not None:
        yield _problem(
            "mixing",
            "Images cannot be mixed with `cached_views`; `mixing` must be null.",
            "null",
        )
    if config.staged_unfreezing is not None:
        yield _problem(
            "staged_unfreezing",
            "Frozen layers cannot be unfrozen with `cached_views`; `staged_unfreezing` must be "
            "null.",
            "null",
        )


def _problem(field: str, message: str, *allowed: str) -> InputProblem:
    return InputProblem(("body", field), message, allowed)
