"""A feed that works where its images lie: tried on the CPU, which takes part in no other way."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
import torch

from app.ml.images.preprocessing import PreprocessingSpec
from app.storage import LocalStorage
from tests.unit.training.conftest import MakeConfig
from worker.training.config import TrainingConfig
from worker.training.data import Batch, Loader
from worker.training.distributed import ProcessGroup
from worker.training.feed import ImageFeed, list_splits, open_feed
from worker.training.resident import DeviceFeed, keep_on_device

CPU = torch.device("cpu")
SPEC = PreprocessingSpec(input_size=32, resize_size=32)
PLENTY = 10**9


@pytest.fixture
def loader() -> Iterator[Loader]:
    with closing(Loader(1)) as loader:
        yield loader


def open_host_feed(config: TrainingConfig, storage: LocalStorage, loader: Loader) -> ImageFeed:
    splits = list_splits(config, storage)
    return open_feed(config, splits, SPEC, loader=loader, device=CPU, on_image=lambda: None)[0]


def difference(one: Batch, other: Batch) -> float:
    """Mean difference of two batches' images, in levels; their targets have to be the same."""
    assert torch.equal(one[1], other[1])
    assert one[0].shape == other[0].shape
    assert one[0].is_contiguous(memory_format=torch.channels_last)
    assert other[0].is_contiguous(memory_format=torch.channels_last)
    deviation = torch.tensor(SPEC.std).view(3, 1, 1) * 255.0
    return float(((one[0] - other[0]).abs() * deviation).mean())


def test_training_images_are_the_same_but_for_rounding(
    make_config: MakeConfig, storage: LocalStorage, loader: Loader
) -> None:
    feed = open_host_feed(make_config(), storage, loader)
    resident, is_resident = keep_on_device(feed, PLENTY)
    assert is_resident
    for epoch in (1, 2):
        pairs = list(zip(feed.train_batches(epoch), resident.train_batches(epoch), strict=True))
        assert len(pairs) == 3
        assert all(0.0 < difference(*pair) < 0.5 for pair in pairs)


def test_images_that_are_not_varied_are_the_same_to_the_last_bit(
    make_config: MakeConfig, storage: LocalStorage, loader: Loader
) -> None:
    feed = open_host_feed(make_config(augmentation={"name": "none"}), storage, loader)
    resident, is_resident = keep_on_device(feed, PLENTY)
    assert is_resident
    for one, other in [
        *zip(feed.train_batches(1), resident.train_batches(1), strict=True),
        *zip(feed.val_batches(), resident.val_batches(), strict=True),
    ]:
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


def test_validation_sees_what_serving_sees(
    make_config: MakeConfig, storage: LocalStorage, loader: Loader
) -> None:
    feed = open_host_feed(make_config(), storage, loader)
    resident, _ = keep_on_device(feed, PLENTY)
    for samples in (feed.splits.val, feed.splits.train):
        pairs = zip(feed.eval_batches(samples), resident.eval_batches(samples), strict=True)
        assert all(difference(*pair) == 0.0 for pair in pairs)


@pytest.mark.parametrize(
    ("max_bytes", "augmentation", "cache_bytes"),
    [(100, "tutorial", PLENTY), (PLENTY, "trivial", PLENTY), (PLENTY, "tutorial", 0)],
    ids=["too large", "varied by more than crops", "not cached"],
)
def test_images_that_cannot_reside_come_from_the_host(
    make_config: MakeConfig,
    storage: LocalStorage,
    loader: Loader,
    max_bytes: int,
    augmentation: str,
    cache_bytes: int,
) -> None:
    config = make_config(
        augmentation={"name": augmentation}, config={"image_cache_bytes": cache_bytes}
    )
    feed = open_host_feed(config, storage, loader)
    resident, is_resident = keep_on_device(feed, max_bytes)
    assert not is_resident
    assert isinstance(resident, DeviceFeed)
    for one, other in zip(feed.train_batches(1), resident.train_batches(1), strict=True):
        assert difference(one, other) == 0.0


@pytest.mark.parametrize("mixing", [None, {"name": "mixup"}, {"name": "cutmix"}])
def test_the_parts_of_all_processes_make_the_batch(
    make_config: MakeConfig,
    storage: LocalStorage,
    loader: Loader,
    mixing: dict[str, str] | None,
) -> None:
    feed = open_host_feed(make_config(num_train=14, mixing=mixing), storage, loader)
    resident, _ = keep_on_device(feed, PLENTY)
    for whole in (feed, resident):
        parts = [replace(whole, group=ProcessGroup(rank, 3)) for rank in range(3)]
        streams = [part.train_batches(1) for part in parts]
        for batch, *pieces in zip(whole.train_batches(1), *streams, strict=True):
            for number in (0, 1):
                joined = torch.cat([piece[number] for piece in pieces])
                assert torch.allclose(joined, batch[number], atol=0.05)
