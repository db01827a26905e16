"""Ingest one upload: `python -m worker.ingestion`."""

from app.storage import LocalStorage
from worker.child_main import run_child
from worker.ingestion.config import IngestionConfig
from worker.ingestion.ingest import ingest
from worker.progress_reporter import ProgressReporter
from worker.protocol import IngestProgress


def main() -> None:
    """Ingest the upload that the configuration on standard input names."""
    run_child(
        "worker.ingestion",
        IngestionConfig,
        lambda config, _: ingest(
            config, LocalStorage(config.storage_dir), ProgressReporter(IngestProgress)
        ),
    )


if __name__ == "__main__":
    main()
