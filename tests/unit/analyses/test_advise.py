"""Advice on a small real dataset."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from app.advice.schemas import Advice, AdviceRequest, Proportion
from app.errors import BudgetTooSmall, WeightsUnavailable
from tests.unit.analyses.conftest import NUM_TRAIN, NUM_VAL, Ask
from worker.advice.advise import advise
from worker.advice.probe import ProbeResult, cross_validate
from worker.analysis_config import AnalysisConfig
from worker.training import frozen_engine


def answer(config: AnalysisConfig) -> Advice:
    assert isinstance(config.question, AdviceRequest)
    return advise(config, config.question)


def test_progress_is_reported(ask: Ask) -> None:
    config = ask(strategy="auto")
    assert isinstance(config.question, AdviceRequest)
    heard: list[tuple[int, int]] = []
    advise(config, config.question, lambda done, total: heard.append((done, total)))
    assert heard[-1] == (NUM_TRAIN, NUM_TRAIN)
    assert heard == sorted(heard)


def test_advice_contains_the_measurements(ask: Ask) -> None:
    advice = answer(ask(strategy="auto"))
    found = advice.measurements
    assert advice.architecture == "squeezenet1_0"
    assert (found.num_images, found.per_class) == (NUM_TRAIN, {"amber": 6, "blue": 6})
    assert (found.imbalance, found.images_per_class, found.size) == (1.0, 6.0, "few")
    assert found.num_images_probed == NUM_TRAIN
    assert found.late.num_features == 512
    assert found.late.stage != found.early.stage
    assert found.gap.value == pytest.approx(found.late.accuracy.value - found.early.accuracy.value)
    assert found.similarity == ("like" if found.gap.value >= 0 else "unlike")
    assert found.expected_seconds.keys() == {"feature_extract", "partial", "fine_tune"}
    assert advice.expected_seconds == found.expected_seconds[advice.strategy]
    assert advice.expected_accuracy.value == max(
        found.late.accuracy.value, found.early.accuracy.value
    )
    assert found.early.accuracy.value == 1.0  # colours are easy, even for random features


def test_the_expected_accuracy_counts_classes_as_validation_does(ask: Ask) -> None:
    """A head that takes all images for the larger class is right on half of those of validation."""
    advice = answer(ask(strategy="auto", class_balance="none", num_mislabelled=12))
    assert advice.measurements.per_class == {"amber": 6, "blue": 18}
    assert advice.measurements.late.accuracy.value == pytest.approx(0.5, abs=0.1)
    assert advice.measurements.early.accuracy.value == pytest.approx(0.5, abs=0.1)


def test_advice_is_deterministic(ask: Ask) -> None:
    timed = {"expected_seconds", "measurements", "reason"}
    first, again = answer(ask(strategy="auto")), answer(ask(strategy="auto"))
    assert first.model_dump(exclude=timed) == again.model_dump(exclude=timed)
    assert first.measurements.late == again.measurements.late


def test_frozen_layers_are_timed_in_the_engine_of_the_job(
    ask: Ask, engine_batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(ask(strategy="auto", precision="fp32"))
    assert not engine_batches, "there are too few images"
    monkeypatch.setattr(frozen_engine, "MIN_IMAGES", NUM_TRAIN + NUM_VAL)
    found = answer(ask(strategy="auto", precision="fp32")).measurements
    assert engine_batches == [8, 8]
    assert found.expected_seconds["feature_extract"] > 0.1 * (NUM_TRAIN + NUM_VAL)


def test_the_expected_accuracy_is_extrapolated_to_all_training_images(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error falls with the root of the number of images; a fold has four fifths of them."""

    def probe(features: Tensor, *arguments: Any, **options: Any) -> ProbeResult:
        result = cross_validate(features, *arguments, **options)
        error = 0.2 * (NUM_TRAIN / len(features)) ** 0.5
        accuracy = Proportion(value=1 - error, low=0.0, high=1.0)
        return replace(result, probe=result.probe.model_copy(update={"accuracy": accuracy}))

    monkeypatch.setattr("worker.advice.advise.cross_validate", probe)
    advice = answer(ask(strategy="auto"))
    assert advice.measurements.late.accuracy.value == pytest.approx(0.8)
    assert advice.measurements.accuracy_with_half == pytest.approx(1 - 0.2 * 2**0.5)
    assert advice.expected_accuracy.value == pytest.approx(1 - 0.2 * 0.8**0.5)


def test_a_head_that_stays_weak_is_not_advised(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few images, and features that separate them as well as earlier ones do."""

    def probe(*arguments: Any, **options: Any) -> ProbeResult:
        result = cross_validate(*arguments, **options)
        accuracy = Proportion(value=0.5, low=0.4, high=0.6)
        return replace(
            result,
            probe=result.probe.model_copy(update={"accuracy": accuracy}),
            is_right=torch.ones_like(result.is_right),
        )

    monkeypatch.setattr("worker.advice.advise.cross_validate", probe)
    advice = answer(ask(strategy="auto"))
    assert advice.measurements.gap.value == 0
    assert (advice.measurements.size, advice.measurements.similarity) == ("few", "like")
    assert advice.strategy == "fine_tune"
    assert "an accuracy of only 0.5" in advice.reason


def test_a_given_strategy_is_kept(ask: Ask) -> None:
    config = ask(architecture="auto", strategy="fine_tune", max_parameters=2_000_000)
    advice = answer(config)
    assert (advice.architecture, advice.strategy, advice.stage) == (
        "squeezenet1_0",
        "fine_tune",
        None,
    )
    assert [one.verdict for one in advice.measurements.candidates][-1] == "chosen"
    assert advice.measurements.expected_seconds.keys() == {"fine_tune"}


def test_an_architecture_is_timed_before_it_is_chosen(ask: Ask) -> None:
    advice = answer(limited(ask(architecture="auto", strategy="auto"), 1e6))
    chosen = advice.measurements.candidates[-1]
    assert (chosen.architecture, chosen.verdict) == ("squeezenet1_0", "chosen")
    assert chosen.estimated_seconds is not None
    assert {one.verdict for one in advice.measurements.candidates[:-1]} == {"no weights"}
    with pytest.raises(BudgetTooSmall, match="time_budget_seconds"):
        answer(limited(ask(architecture="auto", strategy="auto"), 1e-9))


def limited(config: AnalysisConfig, seconds: float) -> AnalysisConfig:
    """Return the configuration with another budget of the training's time."""
    question = config.question.model_copy(update={"time_budget_seconds": seconds})
    return config.model_copy(update={"question": question})


def test_without_weights_advice_raises(ask: Ask, weights_dir: Path) -> None:
    (weights_dir / "squeezenet1_0.safetensors").unlink()
    with pytest.raises(WeightsUnavailable):
        answer(ask(strategy="auto"))
