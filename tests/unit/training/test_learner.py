import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, AdamW

from app.ml.recipe import Ema
from tests.unit.training.learners import CPU, make_learner, sgd
from worker.training.data import Batch
from worker.training.learner import Average, Learner, frozen
from worker.training.loop import eval_pass, train_pass
from worker.training.objective import Objective


def network() -> nn.Sequential:
    """Two layers without BatchNorm, the same each time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))


def first_weight(model: nn.Module) -> Tensor:
    return next(model.parameters())


def batches(*sizes: int) -> list[Batch]:
    torch.manual_seed(1)
    return [(torch.randn(size, 4), torch.randint(0, 3, (size,))) for size in sizes]


def train(learner: Learner, given: list[Batch], rates: list[float]) -> None:
    train_pass(learner, given, rates, lambda _: None, seed=0, epoch=1)


@pytest.mark.parametrize("sizes", [(4, 4), (5, 3), (2, 2, 2, 2)])
def test_accumulated_batches_step_as_one_of_all_their_images(sizes: tuple[int, ...]) -> None:
    whole, parts = network(), network()
    images, targets = (torch.cat(tensors) for tensors in zip(*batches(*sizes), strict=True))
    train(make_learner(whole), [(images, targets)], [0.5])
    train(make_learner(parts, accumulate=len(sizes)), batches(*sizes), [0.5])
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert not torch.allclose(first_weight(whole), first_weight(network()))


def test_batches_left_over_step_by_themselves() -> None:
    rest, alone = network(), network()
    first, second, third = batches(4, 4, 2)
    train(make_learner(rest, accumulate=2), [first, second, third], [0.5, 0.25])
    learner = make_learner(alone, accumulate=2)
    train(learner, [first, second], [0.5])
    train(learner, [third], [0.25])
    assert torch.equal(first_weight(rest), first_weight(alone))


@pytest.mark.parametrize("clip_norm", [0.01, 0.5])
def test_a_step_is_no_longer_than_the_clipped_gradient(clip_norm: float) -> None:
    model = network()
    before = [p.detach().clone() for p in model.parameters()]
    far = [(100.0 * images, targets) for images, targets in batches(8)]
    train(make_learner(model, clip_norm=clip_norm), far, [2.0])
    steps = zip(before, model.parameters(), strict=True)
    length = torch.cat([(old - new).flatten() for old, new in steps]).norm().item()
    assert length == pytest.approx(2.0 * clip_norm, rel=1e-3)


def test_a_short_gradient_is_not_clipped() -> None:
    clipped, free = network(), network()
    train(make_learner(clipped, clip_norm=1e6), batches(8), [0.5])
    train(make_learner(free), batches(8), [0.5])
    assert torch.equal(first_weight(clipped), first_weight(free))


def test_the_average_is_that_of_the_weights_after_each_step() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    average = Average(model, Ema(decay=0.75))
    for value in (2.0, 4.0):
        nn.init.constant_(model.weight, value)
        average.update()
    expected = 0.75 * (0.75 * 1.0 + 0.25 * 2.0) + 0.25 * 4.0
    assert average.tensors["weight"].item() == pytest.approx(expected)
    with average.in_place():
        assert model.weight.item() == pytest.approx(expected)
    assert model.weight.item() == 4.0
    assert average.tensors["weight"].item() == pytest.approx(expected)


def test_what_is_validated_is_the_average_and_what_learns_is_not() -> None:
    averaged, plain = network(), network()
    learner = make_learner(averaged, average=Average(averaged, Ema(decay=0.5)))
    other = make_learner(plain)
    train(learner, batches(4, 4), [0.5, 0.5])
    train(other, batches(4, 4), [0.5, 0.5])
    assert all(
        torch.equal(a, b) for a, b in zip(averaged.parameters(), plain.parameters(), strict=True)
    )
    reference = network()
    steps = make_learner(copy.deepcopy(reference))
    expected = [p.detach().clone() for p in reference.parameters()]
    for batch in batches(4, 4):
        train(steps, [batch], [0.5])
        expected = [
            0.5 * e + 0.5 * p.detach()
            for e, p in zip(expected, steps.model.parameters(), strict=True)
        ]
    with torch.no_grad():
        for parameter, value in zip(reference.parameters(), expected, strict=True):
            parameter.copy_(value)
    [(images, targets)] = batches(9)
    result = eval_pass(learner, [(images, targets)], lambda _: None)
    loss = cross_entropy(reference(images), targets).item()
    assert result.loss == pytest.approx(loss, abs=1e-6)


def test_the_average_leaves_frozen_weights_and_optimizers_alone() -> None:
    model = network()
    model[0].requires_grad_(requires_grad=False)
    average = Average(model, Ema(decay=0.5))
    assert set(average.tensors) == {"2.weight", "2.bias"}
    optimizer = AdamW([{"params": list(model[2].parameters()), "scale": 1.0}])
    learner = make_learner(model, optimizer, average=average)
    for _ in range(2):
        train(learner, batches(4), [0.1])
        eval_pass(learner, batches(4), lambda _: None)
    assert set(optimizer.state) == set(model[2].parameters())
    assert all(float(state["step"]) == 2 for state in optimizer.state.values())


def test_a_frozen_parameter_neither_learns_nor_keeps_a_gradient() -> None:
    model = network()
    kept = list(model[0].parameters())
    before = kept[0].detach().clone()
    learner = make_learner(model, sgd(model, weight_decay=0.5, momentum=0.9))
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    with frozen(kept):
        train(learner, batches(4), [0.5])
        assert torch.equal(kept[0], before)
    train(learner, batches(4), [0.5])
    assert not torch.equal(kept[0], before)


def test_a_frozen_parameter_is_unfrozen_after_an_error() -> None:
    model = network()
    with pytest.raises(ValueError, match="oh"), frozen(list(model.parameters())):
        raise ValueError("oh")
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(("mode", "moves"), [("train", True), ("eval", False)])
def test_batch_norm_keeps_its_statistics_only_if_told_so(mode: str, moves: bool) -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 3))
    norm = model[1]
    assert isinstance(norm, nn.BatchNorm1d)
    before = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    learner = make_learner(model, batch_norm=mode)
    train(learner, batches(8), [0.5])
    for name, buffer in norm.named_buffers():
        assert torch.equal(buffer, before[name]) is not moves
    assert model[2].training, "dropout is not BatchNorm"
    assert not torch.equal(norm.weight, torch.ones(5)), "its scale learns either way"


@pytest.mark.parametrize(
    ("precision", "scales"), [("fp32", False), ("bf16", False), ("fp16", True)]
)
def test_gradients_are_scaled_for_float16_alone(precision: str, scales: bool) -> None:
    assert make_learner(network(), precision=precision).scaler.is_enabled() is scales


def test_clipping_measures_gradients_as_they_are_without_their_scale() -> None:
    scaled, plain = network(), network()
    learner = make_learner(scaled, clip_norm=0.01)
    vars(learner)["scaler"] = torch.amp.GradScaler("cpu", init_scale=1024.0)
    train(learner, batches(8), [1.0])
    train(make_learner(plain, clip_norm=0.01), batches(8), [1.0])
    assert torch.allclose(first_weight(scaled), first_weight(plain), atol=1e-6)


def test_a_saved_learner_goes_on_where_it_was() -> None:
    def make() -> Learner:
        model = network()
        parameters = [{"params": list(model.parameters()), "scale": 1.0}]
        average = Average(model, Ema(decay=0.5))
        return make_learner(model, SGD(parameters, momentum=0.9), average=average)

    whole = make()
    train(whole, batches(4, 4), [0.1, 0.1])
    first, second = batches(4, 4)
    half = make()
    train(half, [first], [0.1])
    assert half.optimizer is not None
    assert half.average is not None
    later = make()
    later.model.load_state_dict(half.model.state_dict())
    later.load(half.optimizer.state_dict(), half.scaler.state_dict(), half.average.tensors)
    train(later, [second], [0.1])
    assert later.average is not None
    assert whole.average is not None
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(later.model.state_dict()[name], tensor)
        assert torch.equal(later.average.tensors[name], whole.average.tensors[name])


def test_a_learner_without_an_optimizer_takes_no_steps() -> None:
    learner = Learner(model=network(), optimizer=None, objective=Objective("resnet18"), device=CPU)
    with pytest.raises(AssertionError, match="no steps"):
        learner.step(0.1)


def test_bfloat16_layers_give_float32_losses() -> None:
    kinds: list[torch.dtype] = []

    class Spy(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- torch's own name
            result = super().forward(input)
            kinds.append(result.dtype)
            return result

    model = Spy(4, 3)
    learner = make_learner(model, precision="bf16")
    train(learner, batches(4), [0.1])
    eval_pass(learner, batches(4), lambda _: None)
    assert kinds == [torch.bfloat16, torch.bfloat16]
    assert model.weight.dtype is torch.float32
