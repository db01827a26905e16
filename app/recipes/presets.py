"""Define the presets: the values of fields that a job request leaves out.

`tutorial` follows "Finetuning Torchvision Models" (Inkawhich), the step schedule of
`tutorial-steplr` "Transfer Learning for Computer Vision" (Chilamkurthy). The values of
`recommended` were chosen by benchmarks (docs/results.md).
"""

from dataclasses import dataclass, replace

from app.ml.recipe import (
    AdamW,
    Augmentation,
    Auto,
    BatchNormMode,
    ClassBalance,
    ConstantSchedule,
    CosineSchedule,
    EarlyStopping,
    Ema,
    HeadKind,
    HeadStart,
    Lbfgs,
    Mixing,
    NoAugmentation,
    Optimizer,
    Precision,
    RmsProp,
    Scheduler,
    Sgd,
    StagedUnfreezing,
    StepSchedule,
    Strategy,
    StrategyOrAuto,
    TutorialAugmentation,
)
from app.recipes.schemas import JobRequest, Preset

_TUTORIAL_OPTIMIZER = Sgd(learning_rate=0.001, momentum=0.9)
_TUTORIAL_AUGMENTATION = TutorialAugmentation()
_CONSTANT = ConstantSchedule()


@dataclass(frozen=True, kw_only=True)
class PresetValues:
    """The value of each field that a request may leave out; the defaults are the tutorials'.

    A field that depends on the strategy is `auto` while the strategy is `auto`.
    """

    architecture: str = "resnet18"
    epochs: int | Auto = 15
    batch_size: int = 8
    precision: Precision = "fp32"
    compile: bool = False
    head: HeadKind = "torchvision"
    head_start: HeadStart | Auto = "random"
    batch_norm: BatchNormMode | Auto = "train"
    cached_views: int | Auto | None = None
    optimizer: Optimizer | Auto = _TUTORIAL_OPTIMIZER
    layer_decay: float = 1.0
    scheduler: Scheduler | Auto = _CONSTANT
    staged_unfreezing: StagedUnfreezing | None = None
    augmentation: Augmentation | Auto = _TUTORIAL_AUGMENTATION
    mixing: Mixing | None = None
    label_smoothing: float = 0.0
    class_balance: ClassBalance = "none"
    clip_norm: float | None = None
    accumulate: int = 1
    ema: Ema | Auto | None = None
    early_stopping: EarlyStopping | Auto | None = None


_TUTORIAL = PresetValues()

_RECOMMENDED = replace(
    _TUTORIAL,
    precision="auto",
    head="linear",
    scheduler=CosineSchedule(warmup_epochs=1.0),
    augmentation=TutorialAugmentation(min_scale=0.35),
)

_UNDECIDED = replace(
    _RECOMMENDED,
    optimizer="auto",
    epochs="auto",
    scheduler="auto",
    augmentation="auto",
    batch_norm="auto",
    cached_views="auto",
    head_start="auto",
    ema="auto",
    class_balance="auto",
    early_stopping="auto",
)
"""Values while the strategy is `auto`: every field that depends on the strategy is `auto`, too."""

_SOLVED_HEAD = replace(
    _RECOMMENDED,
    optimizer=Lbfgs(),
    epochs=len(Lbfgs().l2_strengths),
    scheduler=_CONSTANT,
    augmentation=NoAugmentation(),
    batch_norm="eval",
    cached_views=1,
    class_balance="auto",
)
_STEPPED_HEAD = replace(
    _RECOMMENDED,
    optimizer=AdamW(learning_rate=3e-3),
    epochs=15,
    batch_norm="eval",
    cached_views=4,
)
_FINE_TUNED = replace(
    _RECOMMENDED,
    optimizer=AdamW(learning_rate=1e-4),
    epochs=12,
    batch_norm="eval",  # the head is solved for features under the pretrained statistics
    head_start="linear_probe",
    ema=Ema(decay=0.99),
    early_stopping=EarlyStopping(patience=6),
    class_balance="auto",
)
_RECOMMENDED_BY_STRATEGY: dict[Strategy, PresetValues] = {
    "feature_extract": _SOLVED_HEAD,
    "partial": _FINE_TUNED,
    "fine_tune": _FINE_TUNED,
    "scratch": replace(_RECOMMENDED, optimizer=AdamW(learning_rate=3e-4), epochs=10),
}

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
"""Fields that L-BFGS does not use: a request with one of them trains the head by gradient steps."""

_PRESETS: dict[Preset, PresetValues] = {
    "tutorial": _TUTORIAL,
    "tutorial-steplr": replace(
        _TUTORIAL, epochs=25, scheduler=StepSchedule(step_size=7, gamma=0.1)
    ),
    "tutorial-inception": replace(
        _TUTORIAL,
        architecture="inception_v3",
        epochs=30,
        optimizer=RmsProp(learning_rate=0.001),
    ),
}


def choose_preset(request: JobRequest, strategy: StrategyOrAuto) -> PresetValues:
    """Return the values of the fields that a request leaves out."""
    if request.preset != "recommended":
        return _PRESETS[request.preset]
    if request.weights == "none":
        strategy = "scratch"  # random weights need the recipe of scratch under any strategy
    if strategy == "auto":
        return _UNDECIDED
    if strategy == "feature_extract" and _wants_steps(request):
        return _STEPPED_HEAD
    return _RECOMMENDED_BY_STRATEGY[strategy]


def _wants_steps(request: JobRequest) -> bool:
    optimizer = request.optimizer
    if optimizer is not None and optimizer.name == "lbfgs":
        return False
    names_a_step = optimizer is not None and bool(
        optimizer.model_fields_set - {"l2_strengths", "folds"}
    )
    return names_a_step or bool(_OF_STEPPED_TRAINING & request.model_fields_set)
