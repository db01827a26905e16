"""Which batch fits."""

from collections.abc import Callable

import pytest
import torch

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
