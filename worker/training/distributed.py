"""The processes of one training, each with its share of every batch.

Gradients are added up in one buffer after the backward pass, not by DistributedDataParallel as it
goes along. DDP rearranges its buckets after the first step, so that a run taken up again would add
in another order than one that was never interrupted; it divides by processes where parts of a batch
differ in size; and it fixes in advance which parameters learn, which staged unfreezing changes.
What is given up is that sending overlaps with computing.
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

_PATIENCE = timedelta(hours=1)
"""How long processes wait for each other: rank 0 may be writing a checkpoint meanwhile. One that is
gone is noticed at once by other means (`worker.training.crew`)."""


@dataclass(frozen=True)
class Ranks:
    """This process is number `rank` of `of`; all see the same numbers after each of these calls.

    Every process has to make the same calls in the same order.
    """

    rank: int = 0
    of: int = 1

    @property
    def is_alone(self) -> bool:
        return self.of == 1

    def divide(self, num_threads: int) -> int:
        """The threads of each process where a training has so many, at least one."""
        return max(num_threads // self.of, 1)

    def take(self, size: int) -> range:
        """This process's positions in a batch: contiguous, none where images are too few."""
        share, rest = divmod(size, self.of)
        start = self.rank * share + min(self.rank, rest)
        return range(start, start + share + (self.rank < rest))

    def add_up(self, values: Tensor) -> Tensor:
        """The sum over the processes."""
        if self.is_alone:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total

    def decide(self, wish: bool, device: torch.device) -> bool:
        """What rank 0 wishes."""
        return bool(self._hear_rank_0(torch.tensor(int(wish), device=device)).item())

    def agree(self, tensors: Iterable[Tensor]) -> None:
        """Give tensors the values that rank 0 has in them."""
        if self.is_alone:
            return
        with torch.no_grad():
            for tensor in tensors:
                tensor.copy_(self._hear_rank_0(tensor.detach().contiguous()))

    def average_gradients(self, parameters: Iterable[nn.Parameter], weight: float | Tensor) -> None:
        """From gradients of sums over images to the gradient of the mean over everyone's images.

        weight is that of this process's images in the mean: their number, unless classes count
        differently.
        """
        if self.is_alone:
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

    def _hear_rank_0(self, tensor: Tensor) -> Tensor:
        if not self.is_alone:
            dist.broadcast(tensor, src=0)
        return tensor


ALONE = Ranks()


def count_processes(config: TrainingConfig) -> int:
    """Of a training: as set, but no more than a batch has images, and one where trunks run once."""
    recipe = config.recipe
    return 1 if recipe.cached_views is not None else min(config.num_processes, recipe.batch_size)


def choose_place(name: str, ranks: Ranks) -> torch.device:
    """The device of a process, by the setting's name: its own GPU where there are several of both.

    Raises DeviceUnavailable where CUDA was asked for and is not there, or has too few devices.
    """
    device = choose_device(name)
    if device.type != "cuda" or ranks.is_alone:
        return device
    num_devices = torch.cuda.device_count()
    if num_devices < ranks.of:
        raise DeviceUnavailable(
            f"{ranks.of} processes were asked for (GRAFT_NUM_PROCESSES), "
            f"but there are {num_devices} CUDA devices."
        )
    return torch.device("cuda", ranks.rank)


@contextmanager
def gathered(ranks: Ranks, meeting_file: Path, device: torch.device) -> Iterator[None]:
    """The processes are connected meanwhile: by NCCL on GPUs, by gloo elsewhere.

    They find each other by a file that they share. Raises RuntimeError where one of them is gone.
    """
    if ranks.is_alone:
        yield
        return
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        store=dist.FileStore(str(meeting_file), ranks.of),  # type: ignore[attr-defined] # torch
        rank=ranks.rank,
        world_size=ranks.of,
        timeout=_PATIENCE,
    )
    try:
        yield
    finally:
        dist.destroy_process_group()
