from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW, RMSprop
from torch.optim.lr_scheduler import StepLR

from app.ml.recipe import Recipe
from tests.unit.training.conftest import MakeConfig
from worker.training.optim import list_learning_rates, make_optimizer


def rates(recipe: Recipe, steps_per_epoch: int) -> list[list[float]]:
    epochs = range(1, recipe.epochs + 1)
    return [list_learning_rates(recipe, epoch, steps_per_epoch) for epoch in epochs]


@pytest.mark.parametrize(
    ("wanted", "kind", "expected"),
    [
        (
            {"name": "sgd", "learning_rate": 0.5, "momentum": 0.7, "weight_decay": 0.25},
            SGD,
            {"lr": 0.5, "momentum": 0.7, "weight_decay": 0.25},
        ),
        (
            {"name": "rmsprop", "learning_rate": 0.5, "momentum": 0.7, "weight_decay": 0.25},
            RMSprop,
            {"lr": 0.5, "momentum": 0.7, "weight_decay": 0.25},
        ),
        (
            {"name": "adamw", "learning_rate": 0.5, "weight_decay": 0.25},
            AdamW,
            {"lr": 0.5, "weight_decay": 0.25},
        ),
    ],
)
def test_an_optimizer_has_the_recipes_settings_and_only_what_may_learn(
    make_config: MakeConfig, wanted: dict[str, object], kind: type, expected: dict[str, float]
) -> None:
    recipe = make_config(optimizer=wanted).recipe
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    model[0].requires_grad_(requires_grad=False)
    optimizer = make_optimizer(model, recipe.optimizer)
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert [id(p) for p in group["params"]] == [id(p) for p in model[1].parameters()]
    assert {name: group[name] for name in expected} == expected


def test_a_constant_schedule_stays(make_config: MakeConfig) -> None:
    recipe = make_config(epochs=3, optimizer={"name": "sgd", "learning_rate": 0.25}).recipe
    assert rates(recipe, 2) == [[0.25, 0.25]] * 3


def test_a_step_schedule_is_steplr_stepped_after_each_training_pass(
    make_config: MakeConfig,
) -> None:
    recipe = make_config(
        epochs=25,
        optimizer={"name": "sgd", "learning_rate": 0.001},
        scheduler={"name": "step", "step_size": 7, "gamma": 0.1},
    ).recipe
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=0.001)
    reference = StepLR(optimizer, 7, 0.1)
    for epoch_rates in rates(recipe, 3):
        assert epoch_rates == pytest.approx([reference.get_last_lr()[0]] * 3)
        optimizer.step()
        reference.step()


def test_a_cosine_schedule_warms_up_then_falls_towards_zero(make_config: MakeConfig) -> None:
    recipe = make_config(
        epochs=5,
        optimizer={"name": "adamw", "learning_rate": 1.0},
        scheduler={"name": "cosine", "warmup_epochs": 1},
    ).recipe
    warm_up, *falling = rates(recipe, 4)
    assert warm_up == [0.25, 0.5, 0.75, 1.0]
    steps = [rate for epoch_rates in falling for rate in epoch_rates]
    assert steps[0] == 1.0
    assert steps[8] == pytest.approx(0.5)
    assert all(earlier > later for earlier, later in pairwise(steps))
    assert 0 < steps[-1] < 0.01


@pytest.mark.parametrize(("warmup_epochs", "first"), [(0, 1.0), (0.5, 0.5), (9, 1 / 36)])
def test_warm_up_may_be_absent_or_longer_than_the_training(
    make_config: MakeConfig, warmup_epochs: float, first: float
) -> None:
    recipe = make_config(
        epochs=2,
        optimizer={"name": "adamw", "learning_rate": 1.0},
        scheduler={"name": "cosine", "warmup_epochs": warmup_epochs},
    ).recipe
    seen = [rate for epoch_rates in rates(recipe, 4) for rate in epoch_rates]
    assert seen[0] == first
    assert all(0 < rate <= 1 for rate in seen)
