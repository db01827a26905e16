"""Resolving a request to a configuration."""

from typing import Any, get_args

import pytest

from app.errors import ValidationFailed
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
    TutorialAugmentation,
    decide,
    is_decided,
)
from app.recipes import defaults
from app.recipes.defaults import AutoDecision, BaseModelFacts, is_published, resolve
from app.recipes.schemas import JobConfig, JobRequest, Preset

BASE = BaseModelFacts(
    reference="shapes:2", architecture="squeezenet1_0", input_size=64, checkpoint_key="jobs/x"
)


def resolved(base: BaseModelFacts | None = None, **fields: Any) -> JobConfig:
    request = JobRequest(dataset_id="ds_1", **fields)
    return resolve(request, dataset_name="ants-and-bees", num_threads=2, base=base)


def get_problems(
    base: BaseModelFacts | None = None, **fields: Any
) -> dict[tuple[str | int, ...], Any]:
    with pytest.raises(ValidationFailed) as caught:
        resolved(base, **fields)
    return {problem.loc: problem.allowed for problem in caught.value.problems}


def test_only_the_dataset_is_required() -> None:
    config = resolved()
    assert (config.architecture, config.preset, config.strategy, config.weights) == (
        "resnet18",
        "recommended",
        "feature_extract",
        "imagenet",
    )
    assert (config.model_name, config.input_size, config.num_threads) == ("ants-and-bees", 224, 2)


def test_a_minimal_request_uses_lbfgs() -> None:
    config = resolved()
    assert config.optimizer == Lbfgs()
    assert config.epochs == len(Lbfgs().l2_strengths)
    assert (config.head, config.cached_views, config.batch_norm) == ("linear", 1, "eval")
    assert config.augmentation == NoAugmentation()
    assert config.precision == "auto"


def test_epochs_are_the_number_of_l2_strengths() -> None:
    config = resolved(optimizer={"l2_strengths": [1.0, 0.1]})
    assert config.optimizer == Lbfgs(l2_strengths=(1.0, 0.1))
    assert config.epochs == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"epochs": 3},
        {"scheduler": None},
        {"augmentation": {"name": "trivial"}},
        {"mixing": None},
        {"early_stopping": {"patience": 2}},
        {"label_smoothing": 0.1},
        {"clip_norm": 1.0},
        {"accumulate": 2},
        {"ema": {"decay": 0.9}},
        {"cached_views": 2},
        {"optimizer": {"learning_rate": 0.01}},
        {"optimizer": {"name": "sgd"}},
    ],
)
def test_a_field_of_gradient_steps_selects_gradient_steps(fields: dict[str, Any]) -> None:
    config = resolved(**fields)
    assert config.optimizer != "auto"
    assert config.optimizer.name == fields.get("optimizer", {}).get("name", "adamw")
    assert config.cached_views == fields.get("cached_views", 4)
    assert config.epochs == fields.get("epochs", 15)
    assert (config.head, config.batch_norm) == ("linear", "eval")


@pytest.mark.parametrize(
    ("strategy", "fields", "epochs", "learning_rate"),
    [
        ("fine_tune", {}, 12, 1e-4),
        ("partial", {"trainable_from": "layer4"}, 12, 1e-4),
        ("scratch", {}, 10, 3e-4),
    ],
)
def test_each_strategy_has_its_own_recipe(
    strategy: str, fields: dict[str, Any], epochs: int, learning_rate: float
) -> None:
    config = resolved(strategy=strategy, **fields)
    assert config.optimizer == AdamW(learning_rate=learning_rate)
    assert config.epochs == epochs
    assert config.batch_norm == ("train" if strategy == "scratch" else "eval")
    assert config.head_start == ("random" if strategy == "scratch" else "linear_probe")
    assert config.ema == (None if strategy == "scratch" else Ema(decay=0.99))
    assert config.cached_views is None
    assert isinstance(config.scheduler, CosineSchedule)


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
    "optimizer": Sgd(learning_rate=0.001, momentum=0.9, weight_decay=0.0),
    "layer_decay": 1.0,
    "scheduler": ConstantSchedule(),
    "staged_unfreezing": None,
    "augmentation": TutorialAugmentation(min_scale=0.08),
    "mixing": None,
    "label_smoothing": 0.0,
    "class_balance": "none",
    "clip_norm": None,
    "accumulate": 1,
    "ema": None,
    "early_stopping": None,
}


@pytest.mark.parametrize("strategy", ["feature_extract", "fine_tune"])
def test_the_tutorial_preset_is_the_tutorials_recipe(strategy: str) -> None:
    config = resolved(preset="tutorial", strategy=strategy)
    assert {name: getattr(config, name) for name in TUTORIAL} == TUTORIAL
    assert (config.strategy, config.weights, config.input_size) == (strategy, "imagenet", 224)


def test_the_step_schedule_preset_differs_only_in_epochs_and_schedule() -> None:
    steplr = resolved(preset="tutorial-steplr")
    assert (steplr.epochs, steplr.scheduler) == (25, StepSchedule(step_size=7, gamma=0.1))


def test_the_inception_preset_sets_architecture_and_input_size() -> None:
    config = resolved(preset="tutorial-inception")
    assert (config.architecture, config.input_size, config.epochs) == ("inception_v3", 299, 30)
    assert config.optimizer == RmsProp(learning_rate=0.001)


def test_tutorial_names_of_architectures_are_accepted() -> None:
    assert resolved(architecture="vgg").architecture == "vgg11_bn"


def test_a_component_keeps_the_presets_values_if_its_name_stays() -> None:
    config = resolved(preset="tutorial", optimizer={"learning_rate": 0.01})
    assert config.optimizer == Sgd(learning_rate=0.01, momentum=0.9)


def test_another_name_has_its_own_defaults() -> None:
    config = resolved(preset="tutorial", optimizer={"name": "adamw", "weight_decay": 0.1})
    assert config.optimizer == AdamW(weight_decay=0.1)


def test_null_disables_a_component() -> None:
    config = resolved(preset="tutorial-steplr", scheduler=None, augmentation=None)
    assert (config.scheduler, config.augmentation) == (ConstantSchedule(), NoAugmentation())


def test_without_weights_all_layers_are_trained() -> None:
    assert resolved(weights="none").strategy == "scratch"
    assert resolved(strategy="scratch").weights == "none"
    assert resolved(strategy="fine_tune", weights="none").weights == "none"


@pytest.mark.parametrize("strategy", ["scratch", "fine_tune"])
def test_random_weights_use_the_recipe_of_scratch_with_any_strategy(strategy: str) -> None:
    config = resolved(strategy=strategy, weights="none")
    scratch = resolved(strategy="scratch")
    assert config == scratch.model_copy(update={"strategy": strategy})
    assert (config.head_start, config.batch_norm) == ("random", "train")


def test_auto_values_stay_until_they_are_decided() -> None:
    config = resolved(strategy="auto", architecture="auto")
    assert (config.strategy, config.architecture, config.input_size) == ("auto", "auto", "auto")
    assert {config.epochs, config.optimizer, config.head_start, config.cached_views} == {"auto"}
    assert (config.precision, config.head, config.batch_size) == ("auto", "linear", 8)


@pytest.mark.parametrize(
    "decision",
    [
        AutoDecision(architecture="resnet50", strategy="feature_extract"),
        AutoDecision(architecture="resnet50", strategy="partial", trainable_from="layer3"),
        AutoDecision(architecture="resnet50", strategy="fine_tune"),
    ],
)
def test_a_decision_resolves_as_if_it_had_been_requested(decision: AutoDecision) -> None:
    fields = decision.model_dump()
    request = JobRequest(dataset_id="ds_1", strategy="auto", architecture="auto", seed=3)
    chosen = resolve(
        request, dataset_name="ants-and-bees", num_threads=2, base=None, decision=decision
    )
    assert chosen == resolved(seed=3, **fields)
    assert is_decided(chosen)
    assert decide(chosen).strategy == decision.strategy


def test_with_strategy_auto_a_component_needs_its_name() -> None:
    assert get_problems(strategy="auto", optimizer={"learning_rate": 0.1}) == {
        ("body", "optimizer"): ("name",)
    }
    config = resolved(strategy="auto", optimizer={"name": "sgd"})
    assert config.optimizer == Sgd()


def test_a_limit_of_parameters_needs_architecture_auto() -> None:
    assert get_problems(max_parameters=1000) == {("body", "max_parameters"): ("left out",)}
    assert resolved(architecture="auto", max_parameters=1000).architecture == "auto"


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({}, {"time_budget_seconds": ("left out",)}),
        ({"strategy": "fine_tune"}, {"time_budget_seconds": ("left out",)}),
        (
            {"architecture": "auto", "strategy": "scratch"},
            {"strategy": ("auto", "feature_extract", "fine_tune")},
        ),
        ({"strategy": "auto", "preset": "tutorial"}, {"preset": ("recommended",)}),
        ({"strategy": "auto", "epochs": 3}, {"epochs": ("left out",)}),
        (
            {"strategy": "auto", "early_stopping": None, "ema": {"decay": 0.9}},
            {"early_stopping": ("left out",), "ema": ("left out",)},
        ),
        (
            {"strategy": "auto", "class_balance": "sampling"},
            {"class_balance": ("auto", "loss", "none")},
        ),
    ],
    ids=str,
)
def test_a_time_budget_needs_something_to_decide(
    fields: dict[str, Any], problems: dict[str, tuple[str, ...]]
) -> None:
    found = get_problems(time_budget_seconds=60, **fields)
    assert found == {("body", name): allowed for name, allowed in problems.items()}


@pytest.mark.parametrize(
    "fields",
    [
        {"strategy": "auto"},
        {"architecture": "auto"},
        {"architecture": "auto", "strategy": "fine_tune"},
        {"architecture": "auto", "strategy": "auto", "max_parameters": 10**7, "input_size": 96},
        {"strategy": "auto", "batch_size": 4, "class_balance": "loss", "seed": 3},
    ],
    ids=str,
)
def test_a_time_budget_is_shown_in_the_configuration(fields: dict[str, Any]) -> None:
    config = resolved(time_budget_seconds=60, **fields)
    assert config.time_budget_seconds == 60
    assert "auto" in {config.architecture, config.strategy}
    decision = AutoDecision(architecture="resnet18", strategy="fine_tune")
    request = JobRequest(dataset_id="ds_1", time_budget_seconds=60, **fields)
    decided = resolve(request, dataset_name="any", num_threads=2, base=None, decision=decision)
    assert (decided.time_budget_seconds, decided.strategy) == (60, "fine_tune")


def test_every_preset_is_valid() -> None:
    for preset in get_args(Preset):
        for strategy in ("feature_extract", "fine_tune", "scratch"):
            assert decide(resolved(preset=preset, strategy=strategy)).strategy == strategy


def test_a_model_reference_is_pinned_and_sets_architecture_and_size() -> None:
    config = resolved(BASE, weights="shapes")
    assert (config.weights, config.architecture, config.input_size) == (
        "shapes:2",
        "squeezenet1_0",
        64,
    )


@pytest.mark.parametrize(
    ("fields", "loc", "allowed"),
    [
        ({"architecture": "resnet999"}, "architecture", "resnet18"),
        ({"weights": "none", "strategy": "feature_extract"}, "strategy", "scratch"),
        ({"weights": "imagenet", "strategy": "scratch"}, "weights", "none"),
        ({"strategy": "partial"}, "trainable_from", "layer4"),
        ({"strategy": "partial", "trainable_from": "nowhere"}, "trainable_from", "layer4"),
        ({"trainable_from": "layer4"}, "trainable_from", "left out"),
        ({"architecture": "inception_v3", "input_size": 32}, "input_size", None),
        ({"optimizer": None}, "optimizer", "an object"),
    ],
)
def test_an_invalid_value_is_rejected_with_the_allowed_values(
    fields: dict[str, Any], loc: str, allowed: str | None
) -> None:
    problems = {key[-1]: value for key, value in get_problems(**fields).items()}
    assert loc in problems
    assert problems[loc]
    if allowed:
        assert allowed in problems[loc]


def test_a_field_of_another_component_is_rejected_with_its_location() -> None:
    problems = get_problems(optimizer={"name": "adamw", "momentum": 0.9})
    assert problems == {("body", "optimizer", "momentum"): ("learning_rate", "weight_decay")}


def test_another_architecture_than_that_of_the_base_model_is_rejected() -> None:
    assert get_problems(BASE, weights="shapes", architecture="resnet18") == {
        ("body", "architecture"): ("squeezenet1_0", "left out")
    }


def test_an_architecture_of_timm_starts_from_its_default_weights() -> None:
    config = resolved(architecture="timm:tf_efficientnet_lite0")
    assert (config.architecture, config.weights) == ("timm:tf_efficientnet_lite0", "pretrained")
    assert (config.input_size, config.optimizer) == (224, Lbfgs())
    assert resolved(architecture="timm:resnet18", strategy="scratch").weights == "none"


def test_weights_can_be_part_of_timms_name() -> None:
    config = resolved(architecture="timm:resnet50.a1h_in1k")
    assert (config.architecture, config.weights) == ("timm:resnet50", "a1h_in1k")
    assert config.input_size == 176
    assert resolved(architecture="timm:resnet50", weights="a1h_in1k") == config
    problems = get_problems(architecture="timm:resnet50.a1h_in1k", weights="none")
    assert problems == {("body", "weights"): ("a1h_in1k", "left out")}


def test_pretrained_is_a_name_of_torchvisions_default_weights() -> None:
    assert resolved(architecture="resnet18", weights="pretrained").weights == "pretrained"
    assert resolved(architecture="auto", weights="pretrained").weights == "pretrained"


def test_imagenet_is_rejected_for_weights_of_other_classes() -> None:
    name = "timm:vit_small_patch14_dinov2"
    problems = get_problems(architecture=name, weights="imagenet")
    assert problems == {
        ("body", "weights"): ("pretrained", "none", "lvd142m", "a model reference"),
    }
    assert resolved(architecture="timm:resnet18", weights="imagenet").weights == "imagenet"


def test_an_input_size_between_two_steps_is_rejected() -> None:
    problems = get_problems(architecture="timm:test_vit", input_size=150)
    assert problems == {("body", "input_size"): ("144", "160")}
    assert resolved(architecture="timm:test_vit", input_size=144).input_size == 144


def test_without_timm_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "is_installed", lambda: False)
    with pytest.raises(ValidationFailed, match=r"graft-server\[timm\]"):
        resolved(architecture="timm:resnet18")
    assert resolved(architecture="resnet18").architecture == "resnet18"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"architecture": "timm:resnet50", "weights": "a1h_in1k"}, True),
        ({"architecture": "timm:resnet50.a1h_in1k"}, True),
        ({"architecture": "resnet50", "weights": "a1h_in1k"}, False),
        ({"architecture": "resnet50", "weights": "pretrained"}, True),
        ({"architecture": "timm:resnet50", "weights": "pets:3"}, False),
    ],
)
def test_weights_of_timm_are_no_model_references(fields: dict[str, Any], expected: bool) -> None:
    assert is_published(JobRequest(dataset_id="ds_1", **fields)) is expected
