"""Compare training steps of networks with depthwise convolutions in float32 and in bfloat16.

    make bench-depthwise
    make bench-depthwise BENCH_FLAGS="--networks mobilenet_v2 --sizes 224"

A step is a forward and a backward pass over a batch of random images with random weights, in as
many threads as there are cores: in float32, under torch's autocast to bfloat16, and under Graft's,
which computes the gradients of these convolutions in float32. The three run in turn. Needs a
processor with bfloat16.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from app.ml.models.construction import construct
from app.ml.models.lite0_package import LITE0
from app.ml.runtime.precision import autocast
from benchmarks.machine import describe_machine

_CPU = torch.device("cpu")
_BATCH_SIZE = 32
_CONTEXTS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "float32": nullcontext,
    "autocast": partial(torch.autocast, "cpu", torch.bfloat16),
    "Graft": partial(autocast, "bf16", _CPU),
}


def main() -> None:
    """Print a row per network and image size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = [LITE0, "efficientnet_b0", "mobilenet_v2", "mobilenet_v3_large", "mnasnet1_0"]
    parser.add_argument("--networks", nargs="+", default=[*names, "convnext_tiny", "resnet18"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[128, 224], help="pixels")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    print(f"{describe_machine()}\n")
    print("| network | pixels | float32, ms | autocast, ms | Graft, ms | float32 ÷ Graft |")
    print("|---|---:|---:|---:|---:|---:|")
    for network in options.networks:
        for size in options.sizes:
            seconds = measure(construct(network), size, options.rounds)
            milliseconds = " | ".join(f"{1000 * one:.0f}" for one in seconds.values())
            ratio = seconds["float32"] / seconds["Graft"]
            print(f"| {network} | {size} | {milliseconds} | {ratio:.2f} |", flush=True)


def measure(model: nn.Module, size: int, rounds: int) -> dict[str, float]:
    """Return the median seconds of a step in each precision; a first round is not counted."""
    model = model.train().to(memory_format=torch.channels_last)
    images = torch.randn(_BATCH_SIZE, 3, size, size).contiguous(memory_format=torch.channels_last)
    seconds: dict[str, list[float]] = {name: [] for name in _CONTEXTS}
    for _ in range(rounds + 1):
        for name, context in _CONTEXTS.items():
            started = time.perf_counter()
            step(model, images, context)
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(all_[1:]) for name, all_ in seconds.items()}


def step(
    model: nn.Module, images: Tensor, context: Callable[[], AbstractContextManager[object]]
) -> None:
    """Run a batch forward and backward."""
    with context():
        scores = model(images)
    loss = nn.functional.cross_entropy(scores.float(), torch.arange(len(images)))
    loss.backward()  # type: ignore[no-untyped-call] # torch
    model.zero_grad()


if __name__ == "__main__":
    main()
