"""Memory: what is available, what a network needs, and the peak of a process."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class ActivationBytes:
    """Bytes of one forward pass: kept for the backward pass, and of the largest layer alone."""

    kept: int = 0
    largest: int = 0


@contextmanager
def count_activations(model: nn.Module) -> Iterator[ActivationBytes]:
    """Count the activations of forward passes while this is open, and restore buffers afterwards.

    A tensor that several layers keep counts once; parameters do not count.
    """
    counts = ActivationBytes()
    seen = {parameter.data_ptr() for parameter in model.parameters()}
    statistics = {name: buffer.clone() for name, buffer in model.named_buffers()}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in seen:
            seen.add(tensor.data_ptr())
            counts.kept += tensor.nbytes
        return tensor

    def measure(_module: nn.Module, inputs: Any, outputs: Any) -> None:
        tensors = [one for one in (*inputs, outputs) if isinstance(one, Tensor)]
        counts.largest = max(counts.largest, sum(one.nbytes for one in tensors))

    handles = [module.register_forward_hook(measure) for module in model.modules()]
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            yield counts
    finally:
        for handle in handles:
            handle.remove()
        for name, buffer in model.named_buffers():
            buffer.copy_(statistics[name])


def count_available_bytes(device: torch.device) -> int:
    """Return the free memory of a device, within the container's limit."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    available = kilobytes["MemAvailable"] * 1024
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and limit.read_text().strip() != "max":
        available = min(available, int(limit.read_text()) - int(used.read_text()))
    return max(available, 0)


class PeakMemory:
    """Peak memory since creation: on a GPU by torch's count, else the resident set.

    The resident set's peak (getrusage(2)) is that of the whole process, so this suits processes
    that measure only one thing.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._before = 0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
            self._before = int(pages) * resource.getpagesize()

    def num_bytes(self) -> int:
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return max((peak if sys.platform == "darwin" else peak * 1024) - self._before, 0)
