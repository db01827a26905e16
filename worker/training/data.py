"""Batches of images, decoded and prepared by threads ahead of the model, in a fixed order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from app.datasets.manifest import ImageRecord, Split
from app.ml.runtime.seeding import derive_seed

Result = TypeVar("Result")

Batch = tuple[Tensor, Tensor]
"""The model's inputs, float [batch, ...], and class indices, int64 [batch]; where images are mixed,
float32 [batch, num_classes]."""


@dataclass(frozen=True)
class Sample:
    """One labelled image of a split; width and height in pixels."""

    image_id: int
    path: Path
    target: int
    width: int
    height: int


def select_samples(
    records: Iterable[ImageRecord],
    split: Split,
    class_names: Sequence[str],
    locate: Callable[[str], Path],
) -> list[Sample]:
    """Return a split's samples, in the manifest's order; targets are positions in class_names."""
    targets = {name: target for target, name in enumerate(class_names)}
    return [
        Sample(
            record.image_id,
            locate(record.key),
            targets[record.class_name],
            record.width,
            record.height,
        )
        for record in records
        if record.split == split
    ]


def plan_batches(num_images: int, batch_size: int) -> list[int]:
    """Return the sizes of an epoch's batches.

    A last batch of one image is merged into the one before it: BatchNorm cannot compute a variance
    over one value. A batch of one image remains only if there is one image in total.
    """
    starts = range(0, num_images, batch_size)
    sizes = [min(batch_size, num_images - start) for start in starts]
    if len(sizes) > 1 and sizes[-1] == 1:
        sizes.pop()
        sizes[-1] += 1
    return sizes


def find_largest_batch(num_images: int, batch_size: int) -> int:
    """Return how many images a batch may have: one more than batch_size if one image is left."""
    return max(batch_size, *plan_batches(num_images, batch_size))


def shuffle(targets: Tensor, *, seed: int, epoch: int, is_balanced: bool = False) -> list[int]:
    """Return the order of an epoch, as positions: a pure function of the seed and the epoch.

    targets: int64 [num_images]. A balanced epoch has as many images, drawn with replacement so that
    all classes are equally likely.
    """
    random = torch.Generator().manual_seed(derive_seed("shuffle", seed, epoch))
    if not is_balanced:
        return torch.randperm(len(targets), generator=random).tolist()
    chances = 1.0 / targets.bincount()[targets].double()
    return chances.multinomial(len(targets), replacement=True, generator=random).tolist()


class Loader:
    """Threads that prepare images ahead of the model; their number does not change the batches.

    Threads suffice because decoding and resizing release Python's lock; unlike a DataLoader's
    processes, they start quickly and share memory. num_batches are prepared at a time:
    with 1, nothing is prepared while the model runs, which is faster where both use the same cores.
    """

    def __init__(self, num_threads: int, num_batches: int = 2) -> None:
        self.num_threads = num_threads
        self._num_batches = num_batches
        # torch would start a pool of its own inside each of these threads.
        self._executor = ThreadPoolExecutor(
            num_threads, "loader", initializer=torch.set_num_threads, initargs=(1,)
        )

    def load(
        self, samples: Iterable[Sample], sizes: Sequence[int], prepare: Callable[[Sample], Tensor]
    ) -> Iterator[Batch]:
        """Yield the prepared samples in batches of these sizes.

        An error of prepare is raised here, at the batch of its image.
        """
        waiting = iter(samples)
        ahead: deque[tuple[Future[Tensor], int]] = deque()
        try:
            for size in sizes:
                wanted = self._num_batches * size - len(ahead)
                for sample in islice(waiting, max(wanted, 0)):
                    ahead.append((self._executor.submit(prepare, sample), sample.target))
                batch = [ahead.popleft() for _ in range(size)]
                images = [future.result() for future, _ in batch]
                targets = torch.tensor([target for _, target in batch], dtype=torch.int64)
                yield torch.stack(images) if images else torch.empty(0), targets
        finally:
            for future, _ in ahead:
                future.cancel()

    def map(
        self, function: Callable[[Sequence[Sample]], Result], batches: Iterable[Sequence[Sample]]
    ) -> Iterator[Result]:
        """Yield a function's results for whole batches, in order; each thread takes a batch."""
        running: deque[Future[Result]] = deque()
        try:
            for batch in batches:
                if len(running) > self.num_threads:
                    yield running.popleft().result()
                running.append(self._executor.submit(function, batch))
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()

    def close(self) -> None:
        """Stop the threads."""
        self._executor.shutdown(cancel_futures=True)
