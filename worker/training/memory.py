"""Find a batch size that fits in memory."""

import gc
from collections.abc import Callable

import torch


def find_fitting_batch_size(try_batch: Callable[[int], object], batch_size: int) -> int | None:
    """Return the largest fitting batch size among halves of batch_size and 1.5 times these.

    try_batch runs the largest batch that a job with this batch size has (`find_largest_batch`), and
    raises torch.OutOfMemoryError or MemoryError where it does not fit. At most log2(batch_size) + 1
    sizes are tried, all below batch_size, which has failed already. Returns None where not even the
    smallest fits.
    """
    size = batch_size // 2
    while size >= 1 and not _fits(try_batch, size):
        size //= 2
    if size < 1:
        return None
    larger = size + size // 2
    return larger if size < larger < batch_size and _fits(try_batch, larger) else size


def describe_out_of_memory(batch_size: int, fitting: int | None) -> str:
    """Return the error message for a job whose batch did not fit."""
    problem = f"A batch of {batch_size} does not fit in the device's memory"
    if fitting is None:
        return f"{problem}, nor does a smaller one; try a smaller input_size or architecture."
    return f'{problem}; one of {fitting} does: try "batch_size": {fitting}.'


def _fits(try_batch: Callable[[int], object], batch_size: int) -> bool:
    try:
        try_batch(batch_size)
    except (torch.OutOfMemoryError, MemoryError):
        return False
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return True
