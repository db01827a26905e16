"""Fields that cannot be combined."""

from typing import Any

import pytest

from app.errors import ValidationFailed
from app.recipes.defaults import resolve
from app.recipes.schemas import JobConfig, JobRequest

PARTIAL = {"strategy": "partial", "trainable_from": "layer4"}
SQUEEZENET = {"architecture": "squeezenet1_0"}
SOLVER = {"name": "lbfgs"}
STEPS = {"name": "sgd"}


def resolved(**fields: Any) -> JobConfig:
    request = JobRequest(dataset_id="ds_1", **fields)
    return resolve(request, dataset_name="ants", num_threads=2, base=None)


def get_problems(**fields: Any) -> dict[tuple[str | int, ...], Any]:
    with pytest.raises(ValidationFailed) as caught:
        resolved(**fields)
    return {problem.loc: problem.allowed for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("fields", "field", "allowed"),
    [
        # lbfgs
        ({"strategy": "fine_tune", "optimizer": SOLVER}, "optimizer", ("sgd", "rmsprop", "adamw")),
        ({**PARTIAL, "optimizer": SOLVER}, "optimizer", ("sgd", "rmsprop", "adamw")),
        ({"optimizer": SOLVER, "epochs": 3}, "epochs", ("7",)),
        ({"optimizer": SOLVER, "mixing": {"name": "mixup"}}, "mixing", ("null",)),
        ({"optimizer": SOLVER, "label_smoothing": 0.1}, "label_smoothing", ("0.0",)),
        (
            {"optimizer": SOLVER, "class_balance": "sampling"},
            "class_balance",
            ("auto", "loss", "none"),
        ),
        (
            {"strategy": "fine_tune", "head_start": "random", "class_balance": "auto"},
            "class_balance",
            ("none", "loss", "sampling"),
        ),
        ({"optimizer": SOLVER, "clip_norm": 1.0}, "clip_norm", ("null",)),
        ({"optimizer": SOLVER, "accumulate": 2}, "accumulate", ("1",)),
        ({"optimizer": SOLVER, "ema": {}}, "ema", ("null",)),
        ({"optimizer": SOLVER, "early_stopping": {}}, "early_stopping", ("null",)),
        ({"optimizer": SOLVER, "layer_decay": 0.5}, "layer_decay", ("1.0",)),
        ({"optimizer": SOLVER, "head_start": "linear_probe"}, "head_start", ("random",)),
        ({"optimizer": SOLVER, "batch_norm": "train"}, "batch_norm", ("eval",)),
        ({"optimizer": SOLVER, "cached_views": 2}, "cached_views", ("1",)),
        ({"optimizer": SOLVER, "cached_views": None}, "cached_views", ("1",)),
        ({"optimizer": SOLVER, "augmentation": {"name": "trivial"}}, "augmentation", ("none",)),
        ({**SQUEEZENET, "optimizer": SOLVER, "head": "torchvision"}, "head", ("linear",)),
        # cached views
        ({"strategy": "fine_tune", "cached_views": 2}, "cached_views", ("null",)),
        ({**PARTIAL, "cached_views": 2, "batch_norm": "train"}, "batch_norm", ("eval",)),
        ({**PARTIAL, "cached_views": 2, "mixing": {"name": "cutmix"}}, "mixing", ("null",)),
        (
            {**PARTIAL, "cached_views": 2, "staged_unfreezing": {}},
            "staged_unfreezing",
            ("null",),
        ),
        # initial weights
        (
            {"strategy": "fine_tune", "weights": "none", "head_start": "linear_probe"},
            "head_start",
            ("random",),
        ),
        (
            {**SQUEEZENET, "strategy": "fine_tune", "head": "torchvision"},
            "head",
            ("linear",),
        ),
        ({"optimizer": STEPS, "staged_unfreezing": {}}, "staged_unfreezing", ("null",)),
        ({"strategy": "scratch", "staged_unfreezing": {}}, "staged_unfreezing", ("null",)),
        ({"strategy": "scratch", "batch_norm": "eval"}, "batch_norm", ("train",)),
    ],
)
def test_an_invalid_combination_is_rejected_at_its_field(
    fields: dict[str, Any], field: str, allowed: tuple[str, ...]
) -> None:
    problems = get_problems(**fields)
    assert problems[("body", field)] == allowed


def test_all_problems_are_reported_at_once() -> None:
    problems = get_problems(optimizer=SOLVER, accumulate=2, ema={"decay": 0.9}, layer_decay=0.5)
    assert {loc[-1] for loc in problems} == {"accumulate", "ema", "layer_decay"}


@pytest.mark.parametrize(
    "fields",
    [
        {**PARTIAL, "cached_views": 3},
        {**PARTIAL, "mixing": {"name": "mixup"}, "staged_unfreezing": {}},
        {"strategy": "fine_tune", "staged_unfreezing": {}, "layer_decay": 0.8, "ema": {}},
        {"strategy": "scratch", "mixing": {"name": "cutmix"}, "label_smoothing": 0.1},
        {**SQUEEZENET, "strategy": "fine_tune"},
        {**SQUEEZENET, "preset": "tutorial"},
        {"optimizer": STEPS, "cached_views": None, "batch_norm": "train"},
    ],
)
def test_a_valid_combination_is_accepted(fields: dict[str, Any]) -> None:
    config = resolved(**fields)
    for field, value in fields.items():
        if not isinstance(value, dict):
            assert getattr(config, field) == value


def test_combinations_are_not_checked_while_the_strategy_is_auto() -> None:
    config = resolved(strategy="auto", mixing={"name": "mixup"}, staged_unfreezing={})
    assert config.mixing is not None
    assert resolved(architecture="auto", head="torchvision", epochs=2).architecture == "auto"
