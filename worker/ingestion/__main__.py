"""The process that unpacks and checks one dataset: `python -m worker.ingestion`."""

import time

from app.errors import GraftError
from app.storage import LocalStorage
from worker.ingestion.config import IngestionConfig
from worker.ingestion.ingest import ingest
from worker.lifeline import open_lifeline
from worker.protocol import Failed, Ingested, IngestProgress, say

_SECONDS_BETWEEN_REPORTS = 0.5


class _Reporter:
    """Tells the supervisor how far it is: each stage's first and last step, and now and then."""

    def __init__(self) -> None:
        self._stage: str | None = None
        self._next = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage == self._stage and done < total and time.monotonic() < self._next:
            return
        self._stage, self._next = stage, time.monotonic() + _SECONDS_BETWEEN_REPORTS
        say(IngestProgress(stage=stage, done=done, total=total))


def main() -> None:
    """Ingest what the configuration on standard input names; the last message is the outcome."""
    lifeline = open_lifeline()
    config = IngestionConfig.model_validate_json(lifeline.configuration)
    outcome: Ingested | Failed
    try:
        outcome = ingest(config, LocalStorage(config.storage_dir), _Reporter())
    except GraftError as error:
        outcome = Failed(code=error.code, message=error.message)
    say(outcome)


if __name__ == "__main__":
    main()
