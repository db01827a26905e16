import pytest
import torch
from torch import Tensor

from app.ml.trust.conformal import choose_labels, count_labels, find_rank, find_threshold


def test_the_rank_counts_the_new_image_among_the_others() -> None:
    assert find_rank(99, 0.95) == 95, "not the 96th, which rounding would make of 95.00000000000001"
    assert find_rank(19, 0.95) == 19
    assert find_rank(18, 0.95) is None
    assert find_rank(9, 0.9) == 9
    assert find_rank(10, 0.9) == 10
    assert find_rank(0, 0.5) is None


@pytest.mark.parametrize("num_images", [9, 19, 39])
def test_the_share_of_correct_sets_is_just_above_the_coverage(num_images: int) -> None:
    """The expected share is ceil((n + 1) c) / (n + 1); a rank off by one is 1 / (n + 1)
    away from that, which is many times what chance does to the mean here."""
    random = torch.Generator().manual_seed(0)
    coverage, num_trials = 0.9, 20_000
    scores = torch.rand(num_trials, num_images + 1, generator=random)
    num_right = sum(
        float(new) >= find_threshold(held_out, coverage)
        for held_out, new in zip(scores[:, :-1].sort(1).values, scores[:, -1], strict=True)
    )
    assert num_right / num_trials == pytest.approx(0.9, abs=0.01)


def test_the_sets_of_a_classifier_reach_the_coverage() -> None:
    random = torch.Generator().manual_seed(1)
    probabilities, targets = simulate(4000, random)
    own = probabilities.gather(1, targets[:, None])[:, 0]
    for coverage in (0.8, 0.95):
        threshold = find_threshold(own[:2000].sort().values, coverage)
        sets = [choose_labels(row, threshold) for row in probabilities[2000:]]
        num_right = sum(int(t) in s for s, t in zip(sets, targets[2000:], strict=True))
        assert num_right / 2000 == pytest.approx(coverage, abs=0.03)


def simulate(number: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Probabilities [number, 5] of an overconfident classifier, and the true classes."""
    logits = torch.randn(number, 5, generator=random)
    targets = logits.softmax(1).multinomial(1, generator=random)[:, 0]
    return (2 * logits).softmax(1), targets


def test_too_few_images_give_sets_of_all_labels() -> None:
    threshold = find_threshold(torch.tensor([0.9, 0.95]), 0.95)
    assert choose_labels(torch.tensor([0.0, 1.0, 0.0]), threshold) == [1, 0, 2]


def test_a_set_is_never_empty_and_grows_with_the_coverage() -> None:
    conformity = torch.linspace(0.5, 0.99, 99)
    probabilities = torch.tensor([0.3, 0.45, 0.25])
    sizes = [
        len(choose_labels(probabilities, find_threshold(conformity, coverage)))
        for coverage in (0.5, 0.9, 0.99, 0.999)
    ]
    assert choose_labels(probabilities, 0.8) == [1]
    assert sizes == [1, 1, 1, 3]


def test_sets_are_counted_as_they_are_chosen() -> None:
    random = torch.Generator().manual_seed(2)
    probabilities, _ = simulate(200, random)
    probabilities[0] = 0.2
    for threshold in (0.0, 0.05, 0.2, 0.5, 1.1):
        sizes = [len(choose_labels(row, threshold)) for row in probabilities]
        assert count_labels(probabilities, threshold).tolist() == sizes
