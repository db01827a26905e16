"""The process that unpacks and checks one dataset: `python -m worker.ingestion`."""

from app.errors import GraftError
from app.storage import LocalStorage
from worker.ingestion.config import IngestionConfig
from worker.ingestion.ingest import ingest
from worker.parent_watchdog import open_lifeline
from worker.protocol import Failed, Ingested, IngestProgress, say
from worker.reporter import Reporter


def main() -> None:
    """Ingest what the configuration on standard input names; the last message is the outcome."""
    lifeline = open_lifeline()
    config = IngestionConfig.model_validate_json(lifeline.configuration)
    outcome: Ingested | Failed
    try:
        outcome = ingest(config, LocalStorage(config.storage_dir), Reporter(IngestProgress))
    except GraftError as error:
        outcome = Failed(code=error.code, message=error.message)
    say(outcome)


if __name__ == "__main__":
    main()
