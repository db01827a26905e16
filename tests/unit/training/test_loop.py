import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torchvision.models.inception import InceptionOutputs

from app.errors import Diverged
from worker.training.data import Batch
from worker.training.loop import compute_loss, eval_pass, train_pass


def ignore(_: int) -> None:
    """Ask nothing about progress."""


def batches(*sizes: int) -> list[Batch]:
    torch.manual_seed(1)
    return [(torch.randn(size, 4), torch.randint(0, 3, (size,))) for size in sizes]


class CountingSgd(SGD):
    num_steps = 0

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        self.num_steps += 1
        super().step(closure)


def test_a_batch_is_a_step_and_each_has_its_rate() -> None:
    model = nn.Linear(4, 3)
    optimizer = CountingSgd(model.parameters(), lr=9.0)
    counts: list[int] = []
    train_pass(model, optimizer, batches(4, 4, 3), [0.1, 0.2, 0.3], counts.append)
    assert optimizer.num_steps == 3
    assert optimizer.param_groups[0]["lr"] == 0.3
    assert counts == [4, 4, 3]


def test_training_is_gradient_descent_on_the_mean_cross_entropy() -> None:
    torch.manual_seed(0)
    model, reference = nn.Linear(4, 3), nn.Linear(4, 3)
    reference.load_state_dict(model.state_dict())
    given = batches(4, 2)
    train_pass(model, SGD(model.parameters(), lr=9.0), given, [0.5, 0.25], ignore)
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
    result = eval_pass(model, given, ignore)
    images, targets = torch.cat([b[0] for b in given]), torch.cat([b[1] for b in given])
    scores = model(images)
    assert result.loss == pytest.approx(cross_entropy(scores, targets).item())
    assert result.accuracy == (scores.argmax(1) == targets).double().mean().item()


def test_a_training_pass_reports_the_model_as_it_moved() -> None:
    model = nn.Linear(4, 3)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    result = train_pass(model, SGD(model.parameters(), lr=1.0), batches(6), [1.0], ignore)
    assert result.loss == pytest.approx(math.log(3))


def test_training_runs_in_training_mode_and_evaluation_does_not() -> None:
    modes: list[bool] = []

    class Spy(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- torch's own name
            modes.append(self.training)
            return super().forward(input)

    model = Spy(4, 3)
    before = model.weight.clone()
    eval_pass(model, batches(2), ignore)
    assert torch.equal(model.weight, before)
    train_pass(model, SGD(model.parameters(), lr=0.1), batches(2), [0.1], ignore)
    assert modes == [False, True]
    assert not torch.equal(model.weight, before)


def test_inceptions_auxiliary_loss_counts_two_fifths() -> None:
    logits, auxiliary = torch.randn(4, 3), torch.randn(4, 3)
    targets = torch.tensor([0, 1, 2, 0])
    loss, scores = compute_loss(InceptionOutputs(logits, auxiliary), targets)
    expected = cross_entropy(logits, targets) + 0.4 * cross_entropy(auxiliary, targets)
    assert torch.equal(loss, expected)
    assert scores is logits
    plain, _ = compute_loss(logits, targets)
    assert torch.equal(plain, cross_entropy(logits, targets))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_before_the_step(value: float) -> None:
    model = nn.Linear(4, 3)
    optimizer = CountingSgd(model.parameters(), lr=0.1)
    poisoned = [(torch.full((2, 4), value), torch.tensor([0, 1]))]
    with pytest.raises(Diverged):
        train_pass(model, optimizer, poisoned, [0.1], ignore)
    assert optimizer.num_steps == 0
    with pytest.raises(Diverged):
        eval_pass(model, poisoned, ignore)
