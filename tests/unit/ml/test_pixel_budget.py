"""The budget of pixels that a process decodes at a time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import DeadlineExceeded
from app.ml.images.pixel_budget import PixelBudget


def test_images_beyond_the_budget_wait() -> None:
    budget = PixelBudget(100)
    highest, running, lock = 0, 0, threading.Lock()

    def decode(num_pixels: int) -> None:
        nonlocal highest, running
        with budget.reserve(num_pixels):
            with lock:
                running += num_pixels
                highest = max(highest, running)
            time.sleep(0.002)
            with lock:
                running -= num_pixels

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, [60, 30, 50, 10, 100, 1] * 8))
    assert 60 < highest <= 100
    assert budget.num_pixels == 0


def test_an_image_above_the_budget_runs_alone() -> None:
    budget = PixelBudget(100)
    with (
        budget.reserve(1000),
        pytest.raises(DeadlineExceeded),
        budget.reserve(1, deadline=time.monotonic() + 0.01),
    ):
        pytest.fail("two images beyond the budget")
    with budget.reserve(1, deadline=time.monotonic()):
        pass


def test_small_images_pass_a_large_one_that_waits() -> None:
    budget = PixelBudget(100)
    with budget.reserve(80), budget.reserve(20, deadline=time.monotonic()):
        assert budget.num_pixels == 100


def test_a_failure_gives_its_pixels_back() -> None:
    budget = PixelBudget(100)
    with pytest.raises(ValueError, match="damaged"), budget.reserve(70):
        raise ValueError("damaged")
    assert budget.num_pixels == 0
