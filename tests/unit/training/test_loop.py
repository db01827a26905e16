import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from app.errors import Diverged
from tests.unit.training.learners import CPU, make_learner
from worker.training.data import Batch
from worker.training.learner import Learner
from worker.training.loop import OnStep, PassResult, eval_pass, predict_scores, train_pass


def ignore(_: int) -> None:
    """Ask nothing about progress."""


def batches(*sizes: int) -> list[Batch]:
    torch.manual_seed(1)
    return [(torch.randn(size, 4), torch.randint(0, 3, (size,))) for size in sizes]


def train(
    learner: Learner, given: list[Batch], rates: list[float], on_step: OnStep = ignore
) -> PassResult:
    return train_pass(learner, given, rates, on_step, seed=0, epoch=1)


class CountingSgd(SGD):
    """SGD that knows how often it stepped."""

    num_steps = 0

    def __init__(self, model: nn.Module) -> None:
        super().__init__([{"params": list(model.parameters()), "scale": 1.0}], lr=9.0)

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        self.num_steps += 1
        super().step(closure)


def test_a_batch_is_a_step_and_each_has_its_rate() -> None:
    model = nn.Linear(4, 3)
    optimizer = CountingSgd(model)
    counts: list[int] = []
    train(make_learner(model, optimizer), batches(4, 4, 3), [0.1, 0.2, 0.3], counts.append)
    assert optimizer.num_steps == 3
    assert optimizer.param_groups[0]["lr"] == 0.3
    assert counts == [4, 4, 3]


def test_training_is_gradient_descent_on_the_mean_cross_entropy() -> None:
    torch.manual_seed(0)
    model, reference = nn.Linear(4, 3), nn.Linear(4, 3)
    reference.load_state_dict(model.state_dict())
    given = batches(4, 2)
    train(make_learner(model), given, [0.5, 0.25])
    for (images, targets), rate in zip(given, [0.5, 0.25], strict=True):
        loss = cross_entropy(reference(images), targets)
        gradients = torch.autograd.grad(loss, list(reference.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(reference.parameters(), gradients, strict=True):
                parameter.sub_(rate * gradient)
    assert torch.allclose(model.weight, reference.weight)
    assert torch.allclose(model.bias, reference.bias)


def test_loss_and_accuracy_are_weighted_by_images() -> None:
    model = nn.Linear(4, 3)
    given = batches(5, 1)
    result = eval_pass(make_learner(model), given, ignore)
    images, targets = torch.cat([b[0] for b in given]), torch.cat([b[1] for b in given])
    scores = model(images)
    assert result.loss == pytest.approx(cross_entropy(scores, targets).item())
    assert result.accuracy == (scores.argmax(1) == targets).double().mean().item()


def test_the_balanced_accuracy_is_the_mean_recall_of_the_classes_with_images() -> None:
    """Of class 0, five of six images are right, of class 1 one of two; class 2 has none."""
    model = nn.Linear(3, 3, bias=False)
    nn.init.eye_(model.weight)
    targets = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1])
    predicted = torch.tensor([0, 0, 0, 0, 0, 2, 1, 0])
    images = nn.functional.one_hot(predicted, 3).float()
    given = [(images[part], targets[part]) for part in (slice(3), slice(3, 8))]
    result = eval_pass(make_learner(model), given, ignore)
    assert result.accuracy == 6 / 8
    assert result.balanced_accuracy == pytest.approx((5 / 6 + 1 / 2) / 2)


def test_a_training_pass_reports_the_model_as_it_moved() -> None:
    model = nn.Linear(4, 3)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    result = train(make_learner(model), batches(6), [1.0])
    assert result.loss == pytest.approx(math.log(3))


def test_training_runs_in_training_mode_and_evaluation_does_not() -> None:
    modes: list[bool] = []

    class Spy(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- torch's own name
            modes.append(self.training)
            return super().forward(input)

    model = Spy(4, 3)
    before = model.weight.clone()
    learner = make_learner(model)
    eval_pass(learner, batches(2), ignore)
    predict_scores(model, batches(2), precision="fp32", device=CPU)
    assert torch.equal(model.weight, before)
    train(learner, batches(2), [0.1])
    assert modes == [False, False, True]
    assert not torch.equal(model.weight, before)


def test_what_is_by_chance_depends_on_seed_epoch_and_step_alone() -> None:
    def dropped(epoch: int, *, drawn: int = 0) -> tuple[float, float]:
        torch.manual_seed(3)
        model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3))
        given = batches(8, 8)
        torch.rand(drawn)
        result = train_pass(make_learner(model), given, [0.1, 0.1], ignore, seed=0, epoch=epoch)
        return result.loss, result.accuracy

    assert dropped(1) == dropped(1, drawn=1000)
    assert dropped(1) != dropped(2)


def test_scores_come_in_the_order_of_the_images() -> None:
    model = nn.Linear(4, 3)
    given = batches(5, 1, 2)
    scores = predict_scores(model, given, precision="fp32", device=CPU)
    assert scores.shape == (8, 3)
    assert torch.allclose(scores, model(torch.cat([images for images, _ in given])))


@pytest.mark.parametrize("num_batches", [1, 31, 33, 64])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_found_by_the_end_of_the_pass(
    value: float, num_batches: int
) -> None:
    model = nn.Linear(4, 3)
    given = batches(*[2] * (num_batches - 1))
    poisoned = [*given, (torch.full((2, 4), value), torch.tensor([0, 1]))]
    learner = make_learner(model)
    with pytest.raises(Diverged):
        eval_pass(learner, poisoned, ignore)
    with pytest.raises(Diverged):
        train(learner, poisoned, [0.1] * num_batches)


def test_a_hopeless_pass_does_not_go_on_to_its_end() -> None:
    model = nn.Linear(4, 3)
    optimizer = CountingSgd(model)
    poisoned = [(torch.full((2, 4), math.nan), torch.tensor([0, 1]))] * 1000
    with pytest.raises(Diverged):
        train(make_learner(model, optimizer), poisoned, [0.1] * 1000)
    assert optimizer.num_steps < 100


def test_the_label_of_a_mixed_image_is_the_one_with_the_greater_share() -> None:
    model = nn.Linear(4, 3)
    ((images, targets),) = batches(6)
    hard = train(make_learner(model), [(images, targets)], [0.0])
    soft = cross_entropy_targets(targets, share=0.9)
    mixed = train(make_learner(model), [(images, soft)], [0.0])
    assert mixed.accuracy == hard.accuracy
    assert mixed.loss == pytest.approx(cross_entropy(model(images), soft).item())


def cross_entropy_targets(targets: Tensor, *, share: float) -> Tensor:
    """Class indices as probabilities, the rest of each given to the next class."""
    labels = nn.functional.one_hot(targets, 3).float()
    return labels * share + labels.roll(1, 1) * (1.0 - share)
