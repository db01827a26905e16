"""The presets: where a job's left-out fields come from.

The tutorials: "Finetuning Torchvision Models" (Inkawhich) for `tutorial`, "Transfer Learning for
Computer Vision" (Chilamkurthy) for the step schedule of `tutorial-steplr`. What is recommended was
chosen by measurement (docs/results.md).
"""

from typing import Any

from app.ml.recipe import (
    AdamW,
    ConstantSchedule,
    CosineSchedule,
    Ema,
    Lbfgs,
    NoAugmentation,
    RmsProp,
    Sgd,
    StepSchedule,
    Strategy,
    StrategyOrAuto,
    TutorialAugmentation,
)
from app.recipes.schemas import JobRequest, Preset

TUTORIAL: dict[str, Any] = {
    "architecture": "resnet18",
    "epochs": 15,
    "batch_size": 8,
    "precision": "fp32",
    "compile": False,
    "head": "torchvision",
    "head_start": "random",
    "batch_norm": "train",
    "cached_views": None,
    "optimizer": Sgd(learning_rate=0.001, momentum=0.9),
    "layer_decay": 1.0,
    "scheduler": ConstantSchedule(),
    "staged_unfreezing": None,
    "augmentation": TutorialAugmentation(),
    "mixing": None,
    "label_smoothing": 0.0,
    "class_balance": "none",
    "clip_norm": None,
    "accumulate": 1,
    "ema": None,
    "early_stopping": None,
}

_RECOMMENDED: dict[str, Any] = TUTORIAL | {
    "precision": "auto",
    "head": "linear",
    "scheduler": CosineSchedule(warmup_epochs=1.0),
    "augmentation": TutorialAugmentation(min_scale=0.35),
}

_CONVEX_HEAD: dict[str, Any] = {
    "optimizer": Lbfgs(),
    "epochs": len(Lbfgs().l2_strengths),
    "scheduler": ConstantSchedule(),
    "augmentation": NoAugmentation(),
    "batch_norm": "eval",
    "cached_views": 1,
}
_STEPPED_HEAD: dict[str, Any] = {
    "optimizer": AdamW(learning_rate=3e-3),
    "epochs": 15,
    "batch_norm": "eval",
    "cached_views": 4,
}
_FINE_TUNED: dict[str, Any] = {
    "optimizer": AdamW(learning_rate=1e-4),
    "epochs": 4,
    "head_start": "linear_probe",
    "ema": Ema(decay=0.99),
}
_RECOMMENDED_BY_STRATEGY: dict[Strategy, dict[str, Any]] = {
    "feature_extract": _CONVEX_HEAD,
    "partial": _FINE_TUNED | {"batch_norm": "eval"},
    "fine_tune": _FINE_TUNED,
    "scratch": {"optimizer": AdamW(learning_rate=3e-4), "epochs": 10},
}

_BY_STRATEGY_FIELDS = {name for part in _RECOMMENDED_BY_STRATEGY.values() for name in part}

_OF_STEPPED_TRAINING = {
    "epochs",
    "scheduler",
    "augmentation",
    "early_stopping",
    "mixing",
    "label_smoothing",
    "clip_norm",
    "accumulate",
    "ema",
    "cached_views",
}
"""Fields that mean nothing to a solver: who gives one of them wants a head trained in steps."""

_PRESETS: dict[Preset, dict[str, Any]] = {
    "tutorial": TUTORIAL,
    "tutorial-steplr": TUTORIAL | {"epochs": 25, "scheduler": StepSchedule(step_size=7, gamma=0.1)},
    "tutorial-inception": TUTORIAL
    | {"architecture": "inception_v3", "epochs": 30, "optimizer": RmsProp(learning_rate=0.001)},
}


def choose_preset(request: JobRequest, strategy: StrategyOrAuto) -> dict[str, Any]:
    """Every field's value where the request leaves it out; `auto` where the strategy decides."""
    if request.preset != "recommended":
        return _PRESETS[request.preset]
    if request.weights == "none":
        strategy = "scratch"  # by whatever name: nothing there is worth keeping
    if strategy == "auto":
        return _RECOMMENDED | dict.fromkeys(_BY_STRATEGY_FIELDS, "auto")
    if strategy == "feature_extract" and _wants_steps(request):
        return _RECOMMENDED | _STEPPED_HEAD
    return _RECOMMENDED | _RECOMMENDED_BY_STRATEGY[strategy]


def _wants_steps(request: JobRequest) -> bool:
    optimizer = request.optimizer
    if optimizer is not None and optimizer.name == "lbfgs":
        return False
    names_a_step = optimizer is not None and bool(
        optimizer.model_fields_set - {"l2_strengths", "folds"}
    )
    return names_a_step or bool(_OF_STEPPED_TRAINING & request.model_fields_set)
