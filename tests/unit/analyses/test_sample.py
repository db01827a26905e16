"""Draw the images of a probe."""

from collections import Counter
from pathlib import Path

import torch

from worker.advice.sample import draw_sample, halve
from worker.training.data import Sample


def make_samples(*counts: int) -> list[Sample]:
    targets = [target for target, count in enumerate(counts) for _ in range(count)]
    return [Sample(number, Path("x"), target, 1, 1) for number, target in enumerate(targets)]


def count(samples: list[Sample]) -> list[int]:
    found = Counter(sample.target for sample in samples)
    return [found[target] for target in sorted(found)]


def test_every_class_gives_the_same_share() -> None:
    samples = make_samples(600, 300, 100)
    drawn = draw_sample(samples, max_images=100)
    assert count(drawn) == [60, 30, 10]
    assert [sample.image_id for sample in drawn] == sorted(sample.image_id for sample in drawn)
    assert draw_sample(samples, max_images=100) == drawn


def test_rare_classes_keep_enough_images() -> None:
    assert count(draw_sample(make_samples(990, 8, 2), max_images=100)) == [99, 5, 2]


def test_a_small_dataset_is_used_completely() -> None:
    samples = make_samples(3, 4)
    assert draw_sample(samples) == samples


def test_half_of_each_class_is_half() -> None:
    targets = torch.tensor([0] * 9 + [1] * 4 + [2] * 2 + [3])
    half = halve(targets)
    assert targets[half].bincount().tolist() == [5, 2, 2, 1]
    assert half.tolist() == sorted(half.tolist())
    assert half.tolist() == halve(targets).tolist()


def test_half_of_a_class_is_drawn_from_all_of_it() -> None:
    half = halve(torch.zeros(100, dtype=torch.int64))
    assert 10 < (half < 50).sum() < 40
