"""Estimate the duration of a training from seconds per image."""

from typing import Any

import pytest

from app.ml.recipe import Recipe
from worker.advice.cost import Rates, estimate_seconds

RATES = Rates(decoding=0.001, forward=0.01, step=0.03)


def seconds(**fields: Any) -> float:
    recipe = Recipe.model_validate(
        {
            "architecture": "resnet18",
            "strategy": "fine_tune",
            "trainable_from": None,
            "weights": "imagenet",
            "preset": "tutorial",
            "epochs": 4,
            "batch_size": 8,
            "input_size": 224,
            "seed": 0,
            "num_threads": 1,
            "optimizer": {"name": "sgd"},
            "scheduler": {"name": "constant"},
            "augmentation": {"name": "none"},
            "early_stopping": None,
        }
        | fields
    )
    return estimate_seconds(recipe, RATES, num_train=200, num_val=100)


def test_every_epoch_costs_training_and_validation() -> None:
    assert seconds() == pytest.approx(0.3 + 4 * (200 * 0.03 + 100 * 0.01))


def test_a_linear_probe_costs_one_more_forward_pass() -> None:
    assert seconds(head_start="linear_probe") - seconds() == pytest.approx(200 * 0.01)


def test_a_frozen_network_runs_once_whatever_the_epochs() -> None:
    solved = seconds(strategy="feature_extract", optimizer={"name": "lbfgs"}, epochs=7)
    assert solved == pytest.approx(0.3 + 300 * 0.01)
    views = seconds(strategy="feature_extract", cached_views=4, epochs=15)
    assert views == pytest.approx(0.3 + 900 * 0.01)
    anew = seconds(strategy="feature_extract", epochs=15)
    assert anew > 15 * 200 * 0.03
