"""How far a training is, told now and then."""

import time
from collections.abc import Callable

from worker.protocol import TrainProgress

_SECONDS_BETWEEN = 0.5


class ProgressReporter:
    """Counts batches and images, and says where the job stands, at most twice a second."""

    def __init__(  # noqa: PLR0913 -- each is one thing the caller knows
        self,
        say: Callable[[TrainProgress], None],
        *,
        epochs: int,
        steps: int,
        num_images: int,
        last_epoch: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._epochs = epochs
        self._steps = steps
        self._num_remaining = (epochs - last_epoch) * num_images
        self._epoch = last_epoch + 1
        self._step = 0
        self._num_done = 0
        self._now = now
        self._started = now()
        self._said = float("-inf")

    def on_step(self, num_images: int) -> None:
        """Count a batch of training or validation."""
        if self._step == self._steps:
            self._epoch += 1
            self._step = 0
        self._step += 1
        self._num_done += num_images
        self._num_remaining -= num_images
        now = self._now()
        if now - self._said >= _SECONDS_BETWEEN:
            self._said = now
            self._say(self._measure(now - self._started))

    def _measure(self, elapsed_seconds: float) -> TrainProgress:
        rate = self._num_done / elapsed_seconds if elapsed_seconds > 0 else None
        return TrainProgress(
            epoch=self._epoch,
            epochs=self._epochs,
            step=self._step,
            steps=self._steps,
            images_per_second=rate,
            eta_seconds=self._num_remaining / rate if rate else None,
        )
