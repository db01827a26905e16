import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from app.datasets.manifest import read_manifest
from app.storage import LocalStorage
from tests.unit.training.conftest import CLASS_NAMES, SIZE, store_pictures
from worker.training.data import Loader, Sample, plan_batches, select_samples, shuffle

SAMPLES = [Sample(number, Path(str(number)), number % 3, 8, 6) for number in range(1, 18)]
TARGETS = torch.tensor([sample.target for sample in SAMPLES])


@contextmanager
def loading(num_threads: int) -> Iterator[Loader]:
    with closing(Loader(num_threads)) as loader:
        yield loader


def prepare(sample: Sample) -> Tensor:
    return torch.full((3, 2, 2), float(sample.image_id))


@pytest.mark.parametrize(
    ("num_images", "batch_size", "sizes"),
    [
        (8, 4, [4, 4]),
        (10, 4, [4, 4, 2]),
        (9, 4, [4, 5]),
        (5, 4, [5]),
        (3, 4, [3]),
        (1, 4, [1]),
        (0, 4, []),
        (3, 1, [1, 2]),
    ],
)
def test_a_last_batch_of_one_image_is_merged_into_the_one_before(
    num_images: int, batch_size: int, sizes: list[int]
) -> None:
    assert plan_batches(num_images, batch_size) == sizes


def test_samples_are_those_of_the_split_with_sorted_classes_as_targets(
    storage: LocalStorage,
) -> None:
    manifest = storage.path(store_pictures(storage, 5, 3))
    train = select_samples(read_manifest(manifest), "train", CLASS_NAMES, storage.path)
    val = select_samples(read_manifest(manifest), "val", CLASS_NAMES, storage.path)
    assert [(sample.image_id, sample.target) for sample in train] == [
        *((1, 1), (2, 0), (3, 1), (4, 0), (5, 1)),
    ]
    assert [sample.image_id for sample in val] == [6, 7, 8]
    assert all(sample.path.is_file() for sample in train + val)
    assert {(sample.width, sample.height) for sample in train + val} == {(SIZE, SIZE)}


def test_shuffling_depends_on_seed_and_epoch_alone() -> None:
    orders = {
        (seed, epoch): tuple(shuffle(TARGETS, seed=seed, epoch=epoch))
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(set(orders.values())) == 9
    for (seed, epoch), order in orders.items():
        assert Counter(order) == Counter(range(17))
        torch.manual_seed(seed + 99)
        assert tuple(shuffle(TARGETS, seed=seed, epoch=epoch)) == order


def test_a_balanced_epoch_shows_each_class_as_often_as_any_other() -> None:
    targets = torch.tensor([0] * 900 + [2] * 90 + [3] * 10)
    orders = [shuffle(targets, seed=0, epoch=epoch, is_balanced=True) for epoch in range(10)]
    assert {len(order) for order in orders} == {1000}
    shown = targets[torch.tensor(orders).flatten()].bincount()
    # Standard deviation of a count: sqrt(10_000 * 1/3 * 2/3) = 47; five of them.
    assert shown[1] == 0
    assert all(abs(count - 10_000 / 3) < 240 for count in shown[[0, 2, 3]].tolist())
    assert orders[0] != orders[1]
    assert orders[0] == shuffle(targets, seed=0, epoch=0, is_balanced=True)


@pytest.mark.parametrize("num_threads", [1, 2, 7])
def test_batches_come_in_order_whatever_the_number_of_threads(num_threads: int) -> None:
    with loading(num_threads) as loader:
        batches = list(loader.load(SAMPLES, [4, 4, 4, 5], prepare))
    assert [len(targets) for _, targets in batches] == [4, 4, 4, 5]
    assert torch.cat([images[:, 0, 0, 0] for images, _ in batches]).tolist() == list(range(1, 18))
    assert torch.cat([targets for _, targets in batches]).tolist() == [
        sample.target for sample in SAMPLES
    ]
    assert batches[0][0].shape == (4, 3, 2, 2)
    assert batches[0][1].dtype == torch.int64


def test_what_fails_to_load_fails_at_its_batch() -> None:
    def fail(sample: Sample) -> Tensor:
        if sample.image_id == 6:
            raise ValueError("six")
        return prepare(sample)

    with loading(2) as loader:
        batches = loader.load(SAMPLES, [4, 4, 4, 5], fail)
        assert len(next(batches)[1]) == 4
        with pytest.raises(ValueError, match="six"):
            next(batches)


def test_at_most_two_batches_are_prepared_ahead() -> None:
    prepared = []

    def count(sample: Sample) -> Tensor:
        prepared.append(sample.image_id)
        return prepare(sample)

    with loading(1) as loader:
        next(loader.load(SAMPLES, [2] * 8, count))
    assert max(prepared) <= 4


def test_loading_leaves_the_models_threads_alone() -> None:
    before = torch.get_num_threads()
    inside = []

    def look(sample: Sample) -> Tensor:
        inside.append((threading.current_thread().name, torch.get_num_threads()))
        return prepare(sample)

    with loading(2) as loader:
        list(loader.load(SAMPLES, [17], look))
    assert {number for _, number in inside} == {1}
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("num_threads", [1, 3])
def test_whole_batches_are_worked_on_by_one_thread_each_and_come_in_order(
    num_threads: int,
) -> None:
    inside = set()

    def work(batch: Sequence[Sample]) -> list[int]:
        inside.add((threading.current_thread().name, torch.get_num_threads()))
        return [sample.image_id for sample in batch]

    batches = [SAMPLES[start : start + 4] for start in range(0, len(SAMPLES), 4)]
    with loading(num_threads) as loader:
        made = list(loader.map(work, batches))
    assert [number for batch in made for number in batch] == list(range(1, 18))
    assert {number for _, number in inside} == {1}
