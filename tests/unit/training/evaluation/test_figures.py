"""Counts and shares, against cases worked out by hand."""

import math

import pytest
import torch

from app.ml.trust.intervals import wilson_interval
from worker.training.evaluation.figures import (
    count_confusions,
    measure_classes,
    measure_split,
)
from worker.training.evaluation.scored import Scored


def scored(targets: list[int], predicted: list[int], num_classes: int) -> Scored:
    logits = torch.zeros(len(targets), num_classes)
    logits[torch.arange(len(targets)), torch.tensor(predicted)] = 1.0
    ids = list(range(1, len(targets) + 1))
    return Scored(ids, [f"{number}.jpg" for number in ids], torch.tensor(targets), logits)


def test_rows_are_true_classes_and_columns_predicted_ones() -> None:
    matrix = count_confusions(torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 0]), 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_precision_recall_and_f1_of_each_class() -> None:
    ants, bees = measure_classes(["ants", "bees"], torch.tensor([[3, 1], [2, 4]]))
    assert ants.model_dump() == {
        "class_name": "ants",
        "precision": pytest.approx(3 / 5),
        "recall": pytest.approx(3 / 4),
        "recall_interval": wilson_interval(3 / 4, 4),
        "f1": pytest.approx(2 / 3),
        "support": 4,
    }
    assert (bees.precision, bees.recall, bees.support) == (4 / 5, 4 / 6, 6)


def test_nothing_over_nothing_is_null() -> None:
    matrix = torch.tensor([[2, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    matrix[0, 2] = 1
    per_class = measure_classes(["right", "never said", "absent", "nowhere"], matrix)
    figures = {one.class_name: (one.precision, one.recall, one.f1) for one in per_class}
    assert figures["never said"] == (None, 0.0, 0.0)
    assert figures["absent"] == (0.0, None, 0.0)
    assert figures["nowhere"] == (None, None, None)
    intervals = {one.class_name: one.recall_interval for one in per_class}
    assert (intervals["absent"], intervals["nowhere"]) == (None, None)
    assert intervals["never said"] == wilson_interval(0.0, 3)


def test_the_figures_of_a_split() -> None:
    figures = measure_split(["a", "b", "c"], scored([0, 0, 0, 1], [0, 0, 1, 1], 3))
    assert (figures.num_images, figures.accuracy) == (4, 0.75)
    assert figures.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)
    assert figures.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert figures.confusion_matrix == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_a_thousand_classes() -> None:
    targets = list(range(1000))
    names = [f"class {number}" for number in targets]
    figures = measure_split(names, scored(targets, [0, *targets[:-1]], 1000))
    assert figures.accuracy == 1 / 1000
    assert len(figures.confusion_matrix) == len(figures.confusion_matrix[0]) == 1000
    assert math.isclose(figures.balanced_accuracy, 1 / 1000)
