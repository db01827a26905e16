"""Which batch fits."""

from collections.abc import Callable

import pytest
import torch

from worker.training.data import find_largest_batch, plan_batches
from worker.training.memory import describe_out_of_memory, find_fitting_batch_size


def device_with_room_for(
    num_images: int, error: type[Exception] = MemoryError
) -> tuple[Callable[[int], None], list[int]]:
    tried: list[int] = []

    def try_batch(batch_size: int) -> None:
        tried.append(batch_size)
        if batch_size > num_images:
            raise error("no room")

    return try_batch, tried


@pytest.mark.parametrize(
    ("room", "found"), [(63, 48), (40, 32), (31, 24), (20, 16), (3, 3), (2, 2), (1, 1), (0, None)]
)
def test_the_largest_of_halves_and_one_and_a_half_is_found(room: int, found: int | None) -> None:
    try_batch, tried = device_with_room_for(room)
    assert find_fitting_batch_size(try_batch, 64) == found
    assert len(tried) <= 7
    assert 64 not in tried


@pytest.mark.parametrize(("num_images", "found"), [(96, 48), (97, 32), (65, 48), (33, 24)])
def test_the_batch_that_a_lone_last_image_joins_fits_too(num_images: int, found: int) -> None:
    try_batch, _ = device_with_room_for(48 if num_images > 33 else 32)
    fitting = find_fitting_batch_size(
        lambda size: try_batch(find_largest_batch(num_images, size)), 64
    )
    assert fitting == found
    assert max(plan_batches(num_images, found)) <= 48


def test_a_gpus_own_error_means_the_same() -> None:
    try_batch, _ = device_with_room_for(5, torch.OutOfMemoryError)
    assert find_fitting_batch_size(try_batch, 8) == 4


def test_other_errors_are_not_taken_for_it() -> None:
    try_batch, _ = device_with_room_for(0, ValueError)
    with pytest.raises(ValueError, match="no room"):
        find_fitting_batch_size(try_batch, 8)


def test_the_owner_is_told_what_to_try() -> None:
    assert '"batch_size": 24' in describe_out_of_memory(64, 24)
    assert "input_size" in describe_out_of_memory(64, None)
