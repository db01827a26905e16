import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchvision.models.googlenet import GoogLeNetOutputs
from torchvision.models.inception import InceptionOutputs

from tests.unit.training.conftest import MakeConfig
from tests.unit.training.learners import CPU
from worker.training.data import Sample
from worker.training.objective import Objective, Outputs, make_objective

TARGETS = torch.tensor([0, 1, 2, 0])


def scores(seed: int) -> Tensor:
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))


def test_one_head_has_the_mean_cross_entropy() -> None:
    loss, main = Objective("resnet18")(scores(0), TARGETS)
    assert torch.equal(loss, cross_entropy(scores(0), TARGETS))
    assert torch.equal(main, scores(0))


@pytest.mark.parametrize(
    ("architecture", "outputs", "expected"),
    [
        ("inception_v3", InceptionOutputs(scores(0), scores(1)), ((0, 1.0), (1, 0.4))),
        (
            "googlenet",
            GoogLeNetOutputs(scores(0), scores(1), scores(2)),
            ((0, 1.0), (1, 0.3), (2, 0.3)),
        ),
        ("googlenet", GoogLeNetOutputs(scores(0), None, None), ((0, 1.0),)),
    ],
)
def test_auxiliary_heads_count_what_their_papers_say(
    architecture: str, outputs: Outputs, expected: tuple[tuple[int, float], ...]
) -> None:
    loss, main = Objective(architecture)(outputs, TARGETS)
    wanted = sum(share * cross_entropy(scores(seed), TARGETS) for seed, share in expected)
    assert torch.allclose(loss, torch.as_tensor(wanted))
    assert torch.equal(main, scores(0))


def test_smoothing_spreads_a_share_of_each_label_over_all_classes() -> None:
    loss, _ = Objective("resnet18", label_smoothing=0.3)(scores(0), TARGETS)
    labels = torch.full((4, 3), 0.1)
    labels[torch.arange(4), TARGETS] = 0.8
    assert loss.item() == pytest.approx(-(labels * scores(0).log_softmax(1)).sum(1).mean().item())


def test_scores_in_half_precision_are_measured_in_single() -> None:
    loss, main = Objective("resnet18")(scores(0).bfloat16(), TARGETS)
    assert (loss.dtype, main.dtype) == (torch.float32, torch.float32)


def samples(*targets: int) -> list[Sample]:
    return [Sample(number, Path(), target, 1, 1) for number, target in enumerate(targets, 1)]


def test_balanced_weights_average_to_one_and_undo_the_frequencies(make_config: MakeConfig) -> None:
    recipe = make_config(class_balance="loss").recipe
    train = samples(0, 0, 0, 0, 0, 0, 1, 1, 2)
    weights = make_objective(recipe, train, 4, CPU).class_weights
    assert weights is not None
    assert weights[:3].tolist() == pytest.approx([9 / 24, 9 / 8, 9 / 4])
    assert torch.isfinite(weights).all(), "a class without an image"
    counts = torch.tensor([6.0, 2.0, 1.0])
    assert (weights[:3] * counts).tolist() == pytest.approx([9 / 4] * 3)


def test_a_weighted_loss_pulls_as_hard_for_each_class(make_config: MakeConfig) -> None:
    """For equally likely classes the loss is ln 3, with weights and without."""
    train = samples(0, 0, 0, 0, 0, 0, 1, 1, 2)
    objective = make_objective(make_config(class_balance="loss").recipe, train, 3, CPU)
    targets = torch.tensor([sample.target for sample in train])
    tied = torch.zeros(9, 3, requires_grad=True)
    loss, _ = objective(tied, targets)
    assert loss.item() == pytest.approx(math.log(3))
    (gradient,) = torch.autograd.grad(loss, [tied])
    assert gradient.sum(0).tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)


@pytest.mark.parametrize("class_balance", ["none", "sampling"])
def test_other_balances_leave_the_loss_alone(make_config: MakeConfig, class_balance: str) -> None:
    recipe = make_config(class_balance=class_balance, label_smoothing=0.25).recipe
    objective = make_objective(recipe, samples(0, 0, 1), 2, CPU)
    assert objective.class_weights is None
    assert objective.label_smoothing == 0.25
