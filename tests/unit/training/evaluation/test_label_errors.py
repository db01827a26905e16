"""Doubtful labels: planted ones are found, and nothing is said where nothing is known."""

import pytest
import torch
from torch import Tensor

from worker.training.evaluation.label_errors import check_labels, fit_noise
from worker.training.evaluation.scored import Scored

NAMES = ["ants", "bees", "wasps"]


def out_of_fold(probabilities: list[list[float]], targets: list[int]) -> Scored:
    ids = [number + 100 for number in range(len(targets))]
    paths = [f"train/{number}.jpg" for number in ids]
    return Scored(ids, paths, torch.tensor(targets), torch.tensor(probabilities).log())


def sure(label: int, probability: float = 0.9) -> list[float]:
    rest = (1 - probability) / 2
    return [probability if index == label else rest for index in range(3)]


def test_planted_label_errors_are_found_the_clearest_first() -> None:
    targets = [0] * 10 + [1] * 10 + [2] * 10
    probabilities = [sure(target) for target in targets]
    probabilities[3] = sure(1, 0.95)
    probabilities[25] = sure(0, 0.98)
    check = check_labels(NAMES, out_of_fold(probabilities, targets))
    assert check.suspects is not None
    assert [(one.image_id, one.label, one.suggested_label) for one in check.suspects] == [
        (125, "wasps", "ants"),
        (103, "ants", "bees"),
    ]
    first, second = check.suspects
    assert first.probability > second.probability > 0.9
    assert first.path == "train/125.jpg"
    assert (check.num_images, check.num_suspects, check.reason) == (30, 2, None)
    assert first.error_probability is not None
    assert second.error_probability is not None
    assert first.error_probability > second.error_probability > 0.5
    assert check.expected_precision == pytest.approx(
        (first.error_probability + second.error_probability) / 2
    )


def make_labels(*, noise: float, seed: int, sharpness: float = 4.0) -> tuple[Scored, Tensor]:
    """Labels drawn from calibrated predictions of hard images; a share is replaced at random."""
    random = torch.Generator().manual_seed(seed)
    logits = sharpness * torch.randn(600, 3, generator=random)
    targets = torch.multinomial(logits.softmax(1), 1, generator=random)[:, 0]
    is_wrong = torch.rand(600, generator=random) < noise
    shift = torch.randint(1, 3, (600,), generator=random)
    targets = (targets + is_wrong * shift) % 3
    ids = list(range(600))
    return Scored(ids, [str(number) for number in ids], targets, logits), is_wrong


@pytest.mark.parametrize("seed", range(5))
def test_hard_images_with_right_labels_are_not_listed(seed: int) -> None:
    scored, _ = make_labels(noise=0.0, seed=seed, sharpness=2.0)
    check = check_labels(NAMES, scored)
    assert (scored.predicted != scored.targets).float().mean() > 0.15, "the images are hard"
    assert check.num_suspects <= 6


@pytest.mark.parametrize("seed", range(5))
def test_the_list_is_as_precise_as_it_says(seed: int) -> None:
    scored, is_wrong = make_labels(noise=0.08, seed=seed)
    check = check_labels(NAMES, scored)
    assert check.suspects is not None
    assert check.expected_precision is not None
    listed = torch.tensor([one.image_id for one in check.suspects])
    assert is_wrong[listed].float().mean() == pytest.approx(check.expected_precision, abs=0.2)
    assert is_wrong[listed].sum() / is_wrong.sum() > 0.5
    surest = listed[: len(listed) // 2]
    assert is_wrong[surest].float().mean() > 0.7, "the first half is surer than the second"


def test_the_noise_is_fitted() -> None:
    scored, _ = make_labels(noise=0.1, seed=0)
    noise = fit_noise(scored.logits.double() * 3, scored.targets)
    assert noise.rate == pytest.approx(0.1, abs=0.03)
    assert noise.temperature == pytest.approx(3, rel=0.25)


def test_classes_of_few_images_are_neither_judged_nor_suggested() -> None:
    targets = [0] * 6 + [1] * 6 + [2]
    probabilities = [sure(target) for target in targets]
    probabilities[12] = sure(0, 0.99)  # never learned out of fold: it cannot look like itself
    probabilities[0] = sure(2, 0.99)
    check = check_labels(NAMES, out_of_fold(probabilities, targets))
    assert (check.num_images, check.suspects) == (12, [])


def test_what_cannot_be_judged_is_said() -> None:
    assert "not trained" in str(check_labels(NAMES, None).reason)
    alone = check_labels(NAMES, out_of_fold([sure(0)] * 6 + [sure(1)], [0] * 6 + [1]))
    assert (alone.suspects, alone.num_images) == (None, 0)
    assert "Fewer than two classes" in str(alone.reason)
