from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from app.errors import Diverged
from app.ml.recipe import EarlyStopping, Recipe
from tests.unit.training.conftest import MakeConfig
from tests.unit.training.learners import make_learner, sgd
from worker.training.data import Batch
from worker.training.fit import Best, EpochResult, fit, has_stalled, list_frozen


class ToyFeed:
    """Two clouds of points; each epoch's number of right answers of four can be dictated.

    All four points are equally far from the border, so the distance dictates the loss.
    """

    num_train_batches = 3
    num_val_batches = 1

    def __init__(
        self, num_right: list[int] | None = None, distances: list[float] | None = None
    ) -> None:
        self._num_right = iter(num_right or [])
        self._distances = iter(distances or [])

    def train_batches(self, epoch: int) -> Iterator[Batch]:
        random = torch.Generator().manual_seed(epoch)
        for _ in range(self.num_train_batches):
            targets = torch.randint(0, 2, (8,), generator=random)
            points = torch.randn(8, 2, generator=random) + 4.0 * targets[:, None] - 2.0
            yield points, targets

    def val_batches(self) -> Iterator[Batch]:
        num_right = next(self._num_right, None)
        if num_right is None:
            yield next(self.train_batches(999))
        else:
            points = torch.full((4, 2), -float(next(self._distances, 50.0)))
            yield points, torch.tensor([0] * num_right + [1] * (4 - num_right))


def run_fit(
    recipe: Recipe, model: nn.Module, feed: ToyFeed, **arguments: Any
) -> Iterator[EpochResult]:
    """Fit a toy with what the recipe's optimizer is given."""
    kinds = {"sgd": sgd, "adamw": adamw}
    layers = [list(child.parameters()) for child in reversed(list(model.children()))]
    learner = make_learner(model, kinds[recipe.optimizer.name](model))
    return fit(recipe, learner, feed, layers=layers, **arguments)


def adamw(model: nn.Module) -> Optimizer:
    parameters = [p for p in model.parameters() if p.requires_grad]
    return AdamW([{"params": parameters, "scale": 1.0}])


class Separator(nn.Linear):
    """Always sure of class 0 for points far to the lower left."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        with torch.no_grad():
            self.weight.copy_(torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
            self.bias.zero_()


def test_training_learns(make_config: MakeConfig) -> None:
    recipe = make_config(epochs=5, optimizer={"name": "sgd", "learning_rate": 0.1}).recipe
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    results = list(run_fit(recipe, model, ToyFeed()))
    assert [result.epoch for result in results] == [1, 2, 3, 4, 5]
    assert results[-1].val.loss < results[0].val.loss
    assert results[-1].train.accuracy > 0.9
    assert {result.learning_rate for result in results} == {0.1}


def test_the_best_epoch_has_the_highest_accuracy_and_then_the_lowest_loss(
    make_config: MakeConfig,
) -> None:
    recipe = make_config(epochs=7, optimizer={"name": "sgd", "learning_rate": 1e-6}).recipe
    feed = ToyFeed([0, 3, 3, 3, 2, 4, 4], [50, 40, 60, 20, 1, 1, 30])
    results = list(run_fit(recipe, Separator(), feed))
    assert [result.val.accuracy for result in results] == [0, 0.75, 0.75, 0.75, 0.5, 1, 1]
    assert [result.epoch for result in results if result.is_best] == [1, 2, 4, 6, 7]
    fourth = Best(4, 0.75, results[3].val.loss, peak_epoch=2, peak_score=0.75)
    assert results[4].best == fourth


def test_of_epochs_that_do_not_differ_the_first_is_the_best(make_config: MakeConfig) -> None:
    recipe = make_config(epochs=2, optimizer={"name": "sgd", "learning_rate": 1e-12}).recipe
    results = list(run_fit(recipe, Separator(), ToyFeed([0, 0])))
    assert [result.is_best for result in results] == [True, False]


def make_patient(make_config: MakeConfig, patience: int) -> Recipe:
    """Return a recipe of nine epochs that hardly changes the model, and stops early."""
    return make_config(
        epochs=9,
        optimizer={"name": "sgd", "learning_rate": 1e-6},
        early_stopping={"patience": patience},
    ).recipe


def test_early_stopping_counts_epochs_without_improvement(make_config: MakeConfig) -> None:
    recipe = make_patient(make_config, 2)
    model = Separator()
    feed = ToyFeed([1, 2, 2, 3, 3, 3, 4, 4, 4], [50, 50, 50, 50, 40, 30, 50, 50, 50])
    results = list(run_fit(recipe, model, feed))
    assert results[-1].is_best, "its loss is the lowest"
    assert [result.epoch for result in results] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("early_stopping", "best", "epoch", "stalled"),
    [
        (None, Best(1, 0.5), 99, False),
        (EarlyStopping(patience=2), None, 0, False),
        (EarlyStopping(patience=2), Best(0, 0.5, 0.1, 3, 0.4), 4, False),
        (EarlyStopping(patience=2), Best(0, 0.5, 0.1, 3, 0.4), 5, True),
        (EarlyStopping(patience=2), Best(5, 0.5, 0.1, 3, 0.5), 5, True),
    ],
)
def test_when_a_training_has_stalled(
    early_stopping: EarlyStopping | None, best: Best | None, epoch: int, stalled: bool
) -> None:
    assert has_stalled(early_stopping, best, epoch) is stalled


def test_a_stalled_training_does_not_go_on_after_a_restart(make_config: MakeConfig) -> None:
    recipe = make_config(epochs=9, early_stopping={"patience": 2}).recipe
    model = Separator()
    results = run_fit(recipe, model, ToyFeed(), last_epoch=6, best=Best(4, 0.9, 0.1, 4, 0.9))
    assert list(results) == []


def test_a_request_to_stop_ends_after_the_epoch(make_config: MakeConfig) -> None:
    recipe = make_config(epochs=9).recipe
    model = Separator()
    answers = iter([False, False, True])
    results = run_fit(recipe, model, ToyFeed(), should_stop=lambda: next(answers))
    assert [result.epoch for result in results] == [1, 2, 3]


def test_an_epoch_depends_on_its_number_not_on_what_was_drawn_before(
    make_config: MakeConfig,
) -> None:
    recipe = make_config(epochs=2, optimizer={"name": "sgd", "learning_rate": 0.1}).recipe
    losses = []
    for disturbance in (0, 1000):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2))
        torch.rand(disturbance)
        results = run_fit(recipe, model, ToyFeed())
        losses.append([result.train.loss for result in results])
    assert losses[0] == losses[1]


def test_divergence_names_the_epoch(make_config: MakeConfig) -> None:
    class Fragile(nn.Linear):
        calls = 0

        def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- torch's own name
            self.calls += 1
            return super().forward(input) * (float("nan") if self.calls > 5 else 1.0)

    recipe = make_config(epochs=3).recipe
    model = Fragile(2, 2)
    results = run_fit(recipe, model, ToyFeed())
    assert next(results).epoch == 1
    with pytest.raises(Diverged, match="epoch 2"):
        next(results)


def test_frozen_parameters_do_not_move(make_config: MakeConfig) -> None:
    recipe = make_config(epochs=3, optimizer={"name": "adamw", "learning_rate": 0.1}).recipe
    model = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 2))
    model[0].requires_grad_(requires_grad=False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    list(run_fit(recipe, model, ToyFeed()))
    moved = {name for name, value in model.state_dict().items() if not value.equal(before[name])}
    assert moved == {"1.weight", "1.bias"}


class ThreeLayers(nn.Sequential):
    """Three layers below a head, each with a weight of its own."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(*(nn.Linear(2, 2, bias=False) for _ in range(4)))

    def copy_weights(self) -> list[Tensor]:
        return [weight.detach().clone() for weight in self.parameters()]


@pytest.mark.parametrize(
    ("epochs_per_stage", "num_stages", "begun"),
    [
        (1, 3, [[3], [2, 3], [1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]]),
        (2, 3, [[3], [3], [2, 3], [2, 3], [1, 2, 3]]),
        (1, 2, [[3], [1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3]]),
    ],
)
def test_layers_begin_to_learn_from_the_head_downwards(
    make_config: MakeConfig, epochs_per_stage: int, num_stages: int, begun: list[list[int]]
) -> None:
    """Each epoch moves exactly the layers that have begun; weight decay moves no other either."""
    recipe = make_config(
        epochs=5,
        optimizer={"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.5},
        staged_unfreezing={"epochs_per_stage": epochs_per_stage, "num_stages": num_stages},
    ).recipe
    model = ThreeLayers()
    before = model.copy_weights()
    moved = []
    for _ in run_fit(recipe, model, ToyFeed()):
        now = model.copy_weights()
        moved.append([n for n in range(4) if not torch.equal(now[n], before[n])])
        before = now
    assert moved == begun
    assert all(weight.requires_grad for weight in model.parameters())


def test_a_layer_without_parameters_is_no_stage(make_config: MakeConfig) -> None:
    recipe = make_config(staged_unfreezing={"epochs_per_stage": 1, "num_stages": 2}).recipe
    head, upper, lower = (nn.Parameter(torch.zeros(1)) for _ in range(3))
    layers = [[head], [], [upper], [], [lower]]
    assert [list_frozen(recipe, layers, epoch) for epoch in (1, 2, 3)] == [
        [upper, lower],
        [lower],
        [],
    ]


def test_epochs_must_beat_the_model_before_the_first(make_config: MakeConfig) -> None:
    recipe = make_patient(make_config, 3)
    results = list(
        run_fit(recipe, Separator(), ToyFeed([3, 2, 1, 3, 4]), best=Best(epoch=0, score=0.75))
    )
    assert [result.epoch for result in results] == [1, 2, 3, 4], "the patience counts from epoch 1"
    assert {result.best for result in results} == {Best(0, 0.75, peak_epoch=1, peak_score=0.75)}
    assert not any(result.is_best for result in results)


def test_a_network_that_catches_up_with_its_solved_head_goes_on(make_config: MakeConfig) -> None:
    recipe = make_patient(make_config, 2)
    feed = ToyFeed([1, 0, 2, 2, 3, 4, 3, 3, 3])
    start = Best(epoch=0, score=0.75, loss=0.1)
    results = list(run_fit(recipe, Separator(), feed, best=start))
    assert [result.epoch for result in results if result.is_best] == [6]
    assert results[-1].epoch == 8
