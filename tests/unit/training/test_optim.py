from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW, RMSprop
from torch.optim.lr_scheduler import StepLR

from app.ml.models.architectures import build_arguments
from app.ml.models.catalogue import ArchitectureSpec, HeadSpec, LayerSpec, get_architecture
from app.ml.models.construction import WithoutMemory, construct
from app.ml.recipe import Recipe
from tests.unit.training.conftest import MakeConfig
from tests.unit.training.learners import make_learner
from worker.training.optim import (
    count_steps,
    list_by_depth,
    list_learning_rates,
    make_optimizer,
)


class Toy(nn.Module):
    """Two layers, a head, and a parameter that belongs to no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(2))
        self.features = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 3))
        self.fc = nn.Linear(3, 2)


TOY = ArchitectureSpec(
    name="toy",
    input_size=32,
    min_input_size=1,
    min_input_size_batch_of_one=1,
    num_parameters=0,
    num_backbone_parameters=0,
    layers=(
        LayerSpec(name="features.0", num_parameters=9),
        LayerSpec(name="features.1", num_parameters=12),
    ),
    heads=(HeadSpec(name="fc", in_features=3),),
    weights=(),
)


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
    model = Toy()
    model.requires_grad_(requires_grad=False)
    model.fc.requires_grad_()
    optimizer = make_optimizer(model, recipe, TOY)
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert [id(p) for p in group["params"]] == [id(p) for p in model.fc.parameters()]
    assert {name: group[name] for name in expected} == expected
    assert group["scale"] == 1.0


def test_without_layer_decay_there_is_one_rate_for_all(make_config: MakeConfig) -> None:
    model = Toy()
    optimizer = make_optimizer(model, make_config().recipe, TOY)
    (group,) = optimizer.param_groups
    assert {id(p) for p in group["params"]} == {id(p) for p in model.parameters()}


def test_layer_decay_slows_each_layer_by_its_depth(make_config: MakeConfig) -> None:
    model = Toy()
    recipe = make_config(layer_decay=0.5, optimizer={"name": "sgd", "momentum": 0.0}).recipe
    learner = make_learner(model, make_optimizer(model, recipe, TOY))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    learner.step(0.1)
    moved = {name: (before[name] - p).max().item() for name, p in model.named_parameters()}
    assert moved == pytest.approx(
        {
            "fc.weight": 0.1,
            "fc.bias": 0.1,
            "features.1.weight": 0.05,
            "features.1.bias": 0.05,
            "features.0.weight": 0.025,
            "features.0.bias": 0.025,
            "token": 0.0125,
        }
    )


def test_a_frozen_layer_leaves_the_rates_of_the_others(make_config: MakeConfig) -> None:
    model = Toy()
    model.features[1].requires_grad_(requires_grad=False)
    optimizer = make_optimizer(model, make_config(layer_decay=0.5).recipe, TOY)
    assert [group["scale"] for group in optimizer.param_groups] == [1.0, 0.25, 0.125]


@pytest.mark.parametrize("name", ["vit_b_16", "googlenet", "densenet121"])
def test_real_layers_are_ordered_from_the_heads_downwards(name: str) -> None:
    entry = get_architecture(name)
    with WithoutMemory():
        model = construct(name, **build_arguments(name, is_pretrained=False))
    depths = list_by_depth(model, entry)
    names = {id(p): parameter for parameter, p in model.named_parameters()}
    assert sorted(names[id(p)] for depth in depths for p in depth) == sorted(names.values())
    heads = {f"{head.name}.{part}" for head in entry.heads for part in ("weight", "bias")}
    assert {names[id(p)] for p in depths[0]} == heads & set(names.values())
    below = [layer.name for layer in reversed(entry.layers)]
    for layer, parameters in zip(below, depths[1:], strict=False):
        assert all(names[id(p)].startswith(f"{layer}.") for p in parameters)
    deepest = {names[id(p)] for p in depths[-1]}
    assert deepest == ({"class_token", "encoder.pos_embedding"} if name == "vit_b_16" else set())


@pytest.mark.parametrize(
    ("num_batches", "accumulate", "steps"), [(6, 1, 6), (6, 2, 3), (7, 2, 4), (1, 8, 1)]
)
def test_the_last_batches_make_a_step_too(num_batches: int, accumulate: int, steps: int) -> None:
    assert count_steps(num_batches, accumulate) == steps


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


@pytest.mark.parametrize(
    ("epochs", "warmup_epochs", "num_warmup"),
    [(2, 0, 0), (2, 0.5, 2), (2, 1, 4), (2, 9, 4), (1, 1, 2), (3, 2, 6)],
)
def test_warm_up_takes_at_most_half_of_all_steps(
    make_config: MakeConfig, epochs: int, warmup_epochs: float, num_warmup: int
) -> None:
    recipe = make_config(
        epochs=epochs,
        optimizer={"name": "adamw", "learning_rate": 1.0},
        scheduler={"name": "cosine", "warmup_epochs": warmup_epochs},
    ).recipe
    seen = [rate for epoch_rates in rates(recipe, 4) for rate in epoch_rates]
    rising = [(step + 1) / num_warmup for step in range(num_warmup)]
    assert seen[:num_warmup] == rising
    assert seen[num_warmup] == 1.0
    assert all(earlier > later for earlier, later in pairwise(seen[num_warmup:]))


def test_a_single_step_is_no_warm_up(make_config: MakeConfig) -> None:
    recipe = make_config(
        epochs=1,
        optimizer={"name": "adamw", "learning_rate": 0.5},
        scheduler={"name": "cosine", "warmup_epochs": 1},
    ).recipe
    assert rates(recipe, 1) == [[0.5]]
