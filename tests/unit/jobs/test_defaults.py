"""How a request is resolved."""

from typing import Any

import pytest

from app.errors import ValidationFailed
from app.jobs.defaults import BaseModelFacts, resolve
from app.jobs.schemas import JobConfig, JobRequest
from app.ml.recipe import AdamW, ConstantSchedule, NoAugmentation, RmsProp, Sgd, StepSchedule

BASE = BaseModelFacts(
    reference="shapes:2", architecture="squeezenet1_0", input_size=64, checkpoint_key="jobs/x"
)


def resolved(base: BaseModelFacts | None = None, **fields: Any) -> JobConfig:
    request = JobRequest(dataset_id="ds_1", **fields)
    return resolve(request, dataset_name="ants-and-bees", num_threads=2, base=base)


def refusal(base: BaseModelFacts | None = None, **fields: Any) -> dict[tuple[str | int, ...], Any]:
    with pytest.raises(ValidationFailed) as caught:
        resolved(base, **fields)
    return {problem.loc: problem.allowed for problem in caught.value.problems}


def test_a_dataset_is_enough() -> None:
    config = resolved()
    assert (config.architecture, config.preset, config.strategy, config.weights) == (
        "resnet18",
        "recommended",
        "feature_extract",
        "imagenet",
    )
    assert (config.model_name, config.input_size, config.num_threads) == ("ants-and-bees", 224, 2)


def test_the_tutorial_preset_is_the_tutorials_recipe() -> None:
    config = resolved(preset="tutorial")
    assert config.optimizer == Sgd(learning_rate=0.001, momentum=0.9)
    assert config.scheduler == ConstantSchedule()
    assert (config.epochs, config.batch_size) == (15, 8)
    steplr = resolved(preset="tutorial-steplr")
    assert (steplr.epochs, steplr.scheduler) == (25, StepSchedule(step_size=7, gamma=0.1))


def test_the_inception_preset_brings_its_architecture_and_input_size() -> None:
    config = resolved(preset="tutorial-inception")
    assert (config.architecture, config.input_size, config.epochs) == ("inception_v3", 299, 30)
    assert config.optimizer == RmsProp(learning_rate=0.001)


def test_tutorial_names_of_architectures_are_understood() -> None:
    assert resolved(architecture="vgg").architecture == "vgg11_bn"


def test_a_part_keeps_the_presets_values_while_its_name_stays() -> None:
    config = resolved(preset="tutorial", optimizer={"learning_rate": 0.01})
    assert config.optimizer == Sgd(learning_rate=0.01, momentum=0.9)


def test_another_name_starts_from_its_own_defaults() -> None:
    config = resolved(preset="tutorial", optimizer={"name": "adamw", "weight_decay": 0.1})
    assert config.optimizer == AdamW(weight_decay=0.1)


def test_null_switches_a_part_off() -> None:
    config = resolved(preset="tutorial-steplr", scheduler=None, augmentation=None)
    assert (config.scheduler, config.augmentation) == (ConstantSchedule(), NoAugmentation())


def test_without_weights_everything_learns() -> None:
    assert resolved(weights="none").strategy == "scratch"
    assert resolved(strategy="scratch").weights == "none"
    assert resolved(strategy="fine_tune", weights="none").weights == "none"


def test_a_model_reference_gives_architecture_and_size_and_is_pinned() -> None:
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
def test_what_cannot_be_is_refused_with_what_can(
    fields: dict[str, Any], loc: str, allowed: str | None
) -> None:
    problems = {key[-1]: value for key, value in refusal(**fields).items()}
    assert loc in problems
    assert problems[loc]
    if allowed:
        assert allowed in problems[loc]


def test_a_field_of_another_part_is_refused_with_its_place() -> None:
    problems = refusal(optimizer={"name": "adamw", "momentum": 0.9})
    assert problems == {("body", "optimizer", "momentum"): ("learning_rate", "weight_decay")}


def test_another_architecture_than_the_base_models_is_refused() -> None:
    assert refusal(BASE, weights="shapes", architecture="resnet18") == {
        ("body", "architecture"): ("squeezenet1_0", "left out")
    }
