"""Doubtful labels: planted ones are found, and nothing is said where nothing is known."""

import torch

from worker.training.evaluation.label_errors import check_labels, suggest_labels
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
    assert [round(one.probability, 2) for one in check.suspects] == [0.98, 0.95]
    assert check.suspects[0].path == "train/125.jpg"
    assert (check.num_images, check.num_suspects, check.reason) == (30, 2, None)


def test_a_guess_below_the_class_s_own_confidence_is_no_suspect() -> None:
    """Class 1 has 0.9 on average: an image at 0.6 is not like it; nor is it like its own class."""
    targets = [0] * 5 + [1] * 5
    probabilities = [sure(target) for target in targets]
    probabilities[0] = [0.3, 0.6, 0.1]
    check = check_labels(NAMES, out_of_fold(probabilities, targets))
    assert (check.num_images, check.suspects) == (10, [])


def test_of_several_likely_classes_the_most_probable_is_taken() -> None:
    """By hand: thresholds 0.5 and 0.3, so that [0.6, 0.4] is like both and most like the first."""
    probabilities = torch.tensor([[0.4, 0.6], [0.6, 0.4], [0.6, 0.4], [0.8, 0.2]])
    targets = torch.tensor([0, 0, 1, 1])
    suggested = suggest_labels(probabilities, targets, torch.tensor([True, True]))
    assert suggested.tolist() == [1, 0, 0, 0]


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
