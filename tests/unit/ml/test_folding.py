"""Folding a network while others answer in other threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import nn

from app.ml.models.folding import fold_batch_norms


def make_network() -> nn.Sequential:
    layers = [(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU()) for _ in range(8)]
    return nn.Sequential(*(layer for block in layers for layer in block)).eval()


def test_other_threads_run_models_during_folding() -> None:
    """A tracer patches every module of the process, those of other threads included."""
    images = torch.rand(1, 3, 8, 8)
    serving = make_network()
    with torch.inference_mode():
        expected = serving(images)
    is_over = threading.Event()

    def serve() -> int:
        count = 0
        while not is_over.is_set():
            with torch.inference_mode():
                assert torch.equal(serving(images), expected)
            count += 1
        return count

    def fold() -> None:
        for _ in range(10):
            fold_batch_norms(make_network())

    call = nn.Module.__call__
    with ThreadPoolExecutor(4) as threads:
        served = [threads.submit(serve) for _ in range(2)]
        folded = [threads.submit(fold) for _ in range(2)]
        try:
            for future in folded:
                future.result()
        finally:
            is_over.set()
        assert all(future.result() > 0 for future in served)
    assert nn.Module.__call__ is call
