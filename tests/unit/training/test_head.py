import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from app.errors import TooFewImages
from worker.training.head import LinearHead, Solution, choose_head, solve_path

STRENGTHS = (1.0, 0.1, 0.01)


def clouds(
    num_images: int = 60, num_classes: int = 3, num_features: int = 8, spread: float = 1.5
) -> tuple[Tensor, Tensor]:
    """A cloud of points for each class, overlapping."""
    random = torch.Generator().manual_seed(0)
    middles = torch.randn(num_classes, num_features, generator=random)
    targets = torch.arange(num_images) % num_classes
    noise = torch.randn(num_images, num_features, generator=random)
    return middles[targets] + spread * noise, targets


def solve(
    features: Tensor, targets: Tensor, strengths: tuple[float, ...] = STRENGTHS, folds: int = 5
) -> list[Solution]:
    num_classes = int(targets.max()) + 1
    return list(
        solve_path(features, targets, num_classes=num_classes, l2_strengths=strengths, folds=folds)
    )


def scale_of(features: Tensor) -> Tensor:
    variances = features.var(0, correction=0)
    return ((variances + variances.median()) / 2).sqrt()


def scaled(features: Tensor) -> Tensor:
    return (features - features.mean(0)) / scale_of(features)


def gradient_norm(head: LinearHead, features: Tensor, targets: Tensor, strength: float) -> float:
    """Of the objective in scaled features, at a head that is given in features as they are."""
    scale, mean = scale_of(features.double()), features.mean(0).double()
    weight = (head.weight.double() * scale).requires_grad_()
    bias = (head.bias.double() + head.weight.double() @ mean).requires_grad_()
    inputs = (features.double() - mean) / scale
    loss = cross_entropy(inputs @ weight.T + bias, targets) + strength / 2 * weight.square().sum()
    gradients = torch.autograd.grad(loss, [weight, bias])
    return max(gradient.abs().max().item() for gradient in gradients)


@pytest.mark.parametrize("strength", [10.0, 1.0, 0.01, 0.001])
def test_a_head_is_the_minimum_of_its_objective(strength: float) -> None:
    features, targets = clouds()
    [solution] = solve(features, targets, (strength,))
    assert gradient_norm(solution.head, features, targets, strength) < 1e-4
    assert solution.cv_loss is None


def test_a_feature_that_hardly_varies_among_few_images_does_not_outweigh_the_others() -> None:
    """Its tiny differences fit the classes by chance, and a new image varies by far more."""
    targets = torch.tensor([0, 1] * 5)
    signs = targets * 2.0 - 1.0
    spread = torch.linspace(-0.5, 0.5, 10)
    features = torch.stack([signs + spread, signs - spread, signs * 1e-3], dim=1)
    head = choose_head(features, targets, num_classes=2, l2_strengths=STRENGTHS).head
    assert head(torch.tensor([[1.0, 1.0, -1.0]])).argmax() == 1
    assert head(torch.tensor([[-1.0, -1.0, 1.0]])).argmax() == 0


def test_one_feature_and_two_classes_agree_with_bisection() -> None:
    """Two mirrored groups: the bias vanishes, and one number is left to be found by hand."""
    features = torch.tensor([[1.0], [3.0], [-1.0], [-3.0], [-2.0], [2.0]])
    targets = torch.tensor([0, 0, 1, 1, 0, 1])
    strength = 0.1
    inputs = scaled(features)[:, 0]
    signs = torch.where(targets == 0, inputs, -inputs)

    def slope(weight: float) -> float:
        """Of mean ln(1 + exp(-2 w s)) + strength * w^2, weights w and -w for the two classes."""
        falls = (-2.0 * signs / (1.0 + torch.exp(2.0 * weight * signs))).mean().item()
        return falls + 2.0 * strength * weight

    low, high = 0.0, 10.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    [solution] = solve(features, targets, (strength,))
    weight = solution.head.weight[:, 0] * scale_of(features)
    assert weight.tolist() == pytest.approx([low, -low], abs=1e-4)
    assert (solution.head.bias[0] - solution.head.bias[1]).item() == pytest.approx(0.0, abs=1e-4)


def test_an_endless_penalty_leaves_the_class_frequencies() -> None:
    targets = torch.tensor([0] * 6 + [1] * 3 + [2])
    features = torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    [solution] = solve(features, targets, (1e6,))
    chances = solution.head(features.mean(0, keepdim=True)).softmax(1)[0]
    assert chances.tolist() == pytest.approx([0.6, 0.3, 0.1], abs=1e-3)


def test_the_order_of_strengths_does_not_matter() -> None:
    features, targets = clouds()
    falling = {s.l2_strength: s for s in solve(features, targets, STRENGTHS)}
    rising = {s.l2_strength: s for s in solve(features, targets, STRENGTHS[::-1])}
    for strength in STRENGTHS:
        alone = solve(features, targets, (strength,))[0]
        one, other = falling[strength], rising[strength]
        for head in (other.head, alone.head):
            assert torch.allclose(one.head.weight, head.weight, atol=1e-3)
        assert one.cv_loss == pytest.approx(other.cv_loss, abs=1e-3)
        assert one.cv_accuracy == other.cv_accuracy


def test_the_order_of_images_does_not_matter() -> None:
    features, targets = clouds()
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    [one] = solve(features, targets, (0.1,))
    [other] = solve(features[order], targets[order], (0.1,))
    assert torch.allclose(one.head.weight, other.head.weight, atol=1e-3)


def test_the_same_input_gives_the_same_bits() -> None:
    features, targets = clouds()
    first = solve(features, targets)
    torch.rand(17)
    for one, other in zip(first, solve(features, targets), strict=True):
        assert torch.equal(one.head.weight, other.head.weight)
        assert torch.equal(one.head.bias, other.head.bias)
        assert one.cv_loss == other.cv_loss


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_features_may_be_scaled_and_moved(factor: float) -> None:
    features, targets = clouds()
    moved = features * factor + torch.linspace(-100.0, 100.0, 8) * factor
    for one, other in zip(solve(features, targets), solve(moved, targets), strict=True):
        assert torch.allclose(one.head(features), other.head(moved), atol=0.02)
        assert one.cv_loss == pytest.approx(other.cv_loss, abs=1e-3)


def test_a_feature_that_never_changes_is_no_harm() -> None:
    features, targets = clouds()
    constant = torch.cat([features, torch.full((60, 1), 7.0)], 1)
    [one] = solve(features, targets, (0.1,))
    [other] = solve(constant, targets, (0.1,))
    assert torch.isfinite(other.head.weight).all()
    assert torch.allclose(one.head(features), other.head(constant), atol=1e-2)


def test_images_are_judged_by_heads_that_have_not_seen_them() -> None:
    """Labels by chance: what was learned by heart is worth nothing for images held out."""
    random = torch.Generator().manual_seed(0)
    features = torch.randn(100, 200, generator=random)
    targets = torch.arange(100) % 2
    [solution, _] = solve(features, targets, (0.001, 10.0))
    learned = (solution.head(features).argmax(1) == targets).double().mean().item()
    assert learned == 1.0
    assert solution.cv_accuracy is not None
    assert 0.25 < solution.cv_accuracy < 0.75, "a half, within five standard deviations"
    assert solution.out_of_fold is not None
    assert solution.held_out is not None
    assert solution.held_out.all()
    loss = cross_entropy(solution.out_of_fold, targets).item()
    assert solution.cv_loss == pytest.approx(loss, rel=1e-4)


def test_a_classes_only_image_is_never_held_out() -> None:
    features, targets = clouds(31)
    targets = targets.clone()
    targets[-1] = 3
    for solution in solve(features, targets):
        assert solution.held_out is not None
        assert solution.held_out.tolist() == [True] * 30 + [False]
        assert solution.out_of_fold is not None
        assert (solution.out_of_fold[-1] == 0).all()
        assert solution.cv_loss is not None
        assert math.isfinite(solution.cv_loss)


def test_each_fold_has_its_share_of_every_class() -> None:
    """With two images a class, each is judged by a head that has seen the other."""
    random = torch.Generator().manual_seed(0)
    middles = 10.0 * torch.randn(20, 30, generator=random)
    targets = torch.arange(40) % 20
    features = middles[targets] + 0.1 * torch.randn(40, 30, generator=random)
    for folds in (2, 5):
        solutions = solve(features, targets, (0.01, 0.001), folds=folds)
        assert [solution.cv_accuracy for solution in solutions] == [1.0, 1.0]


def test_one_image_a_class_is_too_few_to_compare_strengths() -> None:
    features, targets = torch.randn(5, 4), torch.arange(5)
    with pytest.raises(TooFewImages, match="two training images"):
        solve(features, targets)
    [alone] = solve(features, targets, (0.1,))
    assert alone.cv_loss is None


def test_the_head_with_the_lowest_cross_validated_loss_is_chosen() -> None:
    features, targets = clouds(spread=3.0)
    path = solve(features, targets, (1e3, 1.0, 0.1, 1e-5))
    losses = [solution.cv_loss or math.inf for solution in path]
    assert 0 < losses.index(min(losses)) < 3, "the case needs a strength between the ends"
    chosen = choose_head(features, targets, num_classes=3, l2_strengths=(1e3, 1.0, 0.1, 1e-5))
    assert chosen.cv_loss == pytest.approx(min(losses))


def test_where_nothing_can_be_compared_the_strongest_is_chosen() -> None:
    features, targets = torch.randn(5, 4), torch.arange(5)
    chosen = choose_head(features, targets, num_classes=5, l2_strengths=(0.1, 1.0, 0.01))
    assert chosen.l2_strength == 1.0


def test_a_class_without_images_gets_scores_too() -> None:
    features, targets = clouds()
    path = solve_path(features, targets, num_classes=5, l2_strengths=(0.1, 1.0))
    for solution in path:
        assert solution.head(features).shape == (60, 5)
        assert (solution.head(features).argmax(1) < 3).all()


def test_a_thousand_classes_of_few_images_are_solved() -> None:
    features, targets = clouds(2000, 1000, 64, spread=0.3)
    chosen = choose_head(features, targets, num_classes=1000, l2_strengths=(0.01, 0.001), folds=2)
    assert chosen.cv_accuracy is not None
    assert chosen.cv_accuracy > 0.9
