"""The processes of one training, each with its part of every batch.

Gradients are summed in one buffer after the backward pass, not by DistributedDataParallel during
it. DDP rearranges its buckets after the first step, so a resumed run would add in another order
than an uninterrupted one. It divides by the number of processes even if their parts of a batch
differ in size. It fixes the set of trained parameters in advance, but staged unfreezing changes
that set. The disadvantage of one buffer is that communication does not overlap with computation.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, nn
from torch import distributed as dist

from app.errors import DeviceUnavailable
from app.ml.runtime.device import choose_device
from worker.training.config import TrainingConfig

_TIMEOUT = timedelta(hours=1)
"""Limit for a collective operation: other ranks wait while rank 0 writes a checkpoint. A process
that ends is detected at once by other means (`worker.training.rank_processes`)."""


@dataclass(frozen=True)
class ProcessGroup:
    """The rank of this process among the world_size processes of a training.

    Every process has to make the same calls in the same order.
    """

    rank: int = 0
    world_size: int = 1

    @property
    def is_single(self) -> bool:
        return self.world_size == 1

    def share_threads(self, num_threads: int) -> int:
        """Return the threads of each process of a training with num_threads, at least one."""
        return max(num_threads // self.world_size, 1)

    def split_batch(self, size: int) -> range:
        """Return this process's positions in a batch: contiguous, maybe empty."""
        share, rest = divmod(size, self.world_size)
        start = self.rank * share + min(self.rank, rest)
        return range(start, start + share + (self.rank < rest))

    def all_reduce(self, values: Tensor) -> Tensor:
        """Return the sum over the processes."""
        if self.is_single:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total

    def broadcast_flag(self, flag: bool, device: torch.device) -> bool:
        """Return rank 0's flag."""
        return bool(self._broadcast(torch.tensor(int(flag), device=device)).item())

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Copy rank 0's values into the tensors."""
        if self.is_single:
            return
        with torch.no_grad():
            for tensor in tensors:
                tensor.copy_(self._broadcast(tensor.detach().contiguous()))

    def average_gradients(self, parameters: Iterable[nn.Parameter], weight: float | Tensor) -> None:
        """Turn gradients of sums over images into the gradient of the mean over all images.

        weight is that of this process's images in the mean: their number, unless classes are
        weighted.
        """
        if self.is_single:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        parts = [gradient.reshape(-1) for gradient in gradients]
        flat = torch.cat([*parts, parts[0].new_zeros(1)])
        flat[-1] = weight
        dist.all_reduce(flat)
        flat /= flat[-1].clone()
        means = torch.split(flat[:-1], [len(part) for part in parts])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view(gradient.shape))

    def _broadcast(self, tensor: Tensor) -> Tensor:
        if not self.is_single:
            dist.broadcast(tensor, src=0)
        return tensor


SINGLE_PROCESS = ProcessGroup()


def count_processes(config: TrainingConfig) -> int:
    """Return the number of processes of a training.

    It is the configured number, but at most the batch size, and one if the frozen layers run
    only once.
    """
    recipe = config.recipe
    return 1 if recipe.cached_views is not None else min(config.num_processes, recipe.batch_size)


def choose_process_device(name: str, group: ProcessGroup) -> torch.device:
    """Return the device of a process by the setting's name; several processes have a GPU each.

    Raises DeviceUnavailable if CUDA is configured and is missing or has too few devices.
    """
    device = choose_device(name)
    if device.type != "cuda" or group.is_single:
        return device
    num_devices = torch.cuda.device_count()
    if num_devices < group.world_size:
        raise DeviceUnavailable(
            f"GRAFT_NUM_PROCESSES is {group.world_size}, but there are {num_devices} CUDA devices; "
            "each process needs its own. Set it to at most the number of devices."
        )
    return torch.device("cuda", group.rank)


@contextmanager
def open_process_group(
    group: ProcessGroup, rendezvous_file: Path, device: torch.device
) -> Iterator[None]:
    """Connect the processes while this is open: by NCCL on GPUs, by gloo elsewhere.

    They find each other by a shared file. Raises RuntimeError if one of them has ended.
    """
    if group.is_single:
        yield
        return
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        store=dist.FileStore(str(rendezvous_file), group.world_size),  # type: ignore[attr-defined] # torch
        rank=group.rank,
        world_size=group.world_size,
        timeout=_TIMEOUT,
    )
    try:
        yield
    finally:
        dist.destroy_process_group()
