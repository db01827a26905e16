"""Send the progress of a child to its supervisor at a limited rate."""

import time

from worker.protocol import BatchProgress, IngestProgress, send

_SECONDS_BETWEEN_REPORTS = 0.5


class ProgressReporter:
    """Sends the first and last step of each stage, and at most two others a second."""

    def __init__(self, message: type[IngestProgress | BatchProgress]) -> None:
        self._message = message
        self._stage: str | None = None
        self._next = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage == self._stage and done < total and time.monotonic() < self._next:
            return
        self._stage, self._next = stage, time.monotonic() + _SECONDS_BETWEEN_REPORTS
        send(self._message(stage=stage, done=done, total=total))
