"""Progress reports of a training."""

import time
from collections.abc import Callable

from worker.protocol import TrainProgress

_SECONDS_BETWEEN = 0.5


class ProgressReporter:
    """Counts images and batches, and reports the job's progress at most twice a second."""

    def __init__(
        self,
        send: Callable[[TrainProgress], None],
        epochs: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        self._epochs = epochs
        self._now = now
        self._reported_at = float("-inf")
        self._step = 0
        self._begin("starting", epoch=0, steps=0, num_images=0)

    def prepare(self, stage: str, num_images: int) -> Callable[[int], None]:
        """Begin a stage before the first epoch; return a function that counts finished images."""
        self._begin(stage, epoch=0, steps=num_images, num_images=num_images)
        return self._advance

    def train(self, *, last_epoch: int, steps: int, num_images: int) -> None:
        """Begin the epochs after last_epoch, each with this many batches and images."""
        left = (self._epochs - last_epoch) * num_images
        self._begin("training", epoch=last_epoch + 1, steps=steps, num_images=left)

    def conclude(self, stage: str, num_images: int) -> Callable[[int], None]:
        """Begin a stage after the last epoch; return a function that counts finished images."""
        last = min(self._epoch, self._epochs)
        self._begin(stage, epoch=last, steps=num_images, num_images=num_images)
        return self._advance

    def on_step(self, num_images: int) -> None:
        """Count a batch of training or validation."""
        if self._step == self._steps:
            self._epoch += 1
            self._step = 0
        self._count(1, num_images)

    def _begin(self, stage: str, *, epoch: int, steps: int, num_images: int) -> None:
        self._stage = stage
        self._epoch = epoch
        self._steps = steps
        self._step = 0
        self._num_done = 0
        self._num_remaining = num_images
        self._started = self._now()

    def _advance(self, num_images: int = 1) -> None:
        self._count(num_images, num_images)

    def _count(self, num_steps: int, num_images: int) -> None:
        self._step += num_steps
        self._num_done += num_images
        self._num_remaining = max(self._num_remaining - num_images, 0)
        now = self._now()
        if now - self._reported_at >= _SECONDS_BETWEEN:
            self._reported_at = now
            self._send(self._measure(now - self._started))

    def _measure(self, elapsed_seconds: float) -> TrainProgress:
        rate = self._num_done / elapsed_seconds if elapsed_seconds > 0 else None
        return TrainProgress(
            stage=self._stage,
            epoch=self._epoch,
            epochs=self._epochs,
            step=self._step,
            steps=self._steps,
            images_per_second=rate,
            eta_seconds=self._num_remaining / rate if rate else None,
        )
