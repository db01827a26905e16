"""Predict one batch: `python -m worker.batches`."""

from app.storage import LocalStorage
from worker.batches.config import BatchConfig
from worker.batches.predict import predict_batch
from worker.child_main import run_child
from worker.progress_reporter import ProgressReporter
from worker.protocol import BatchProgress, PartPredicted, send


def main() -> None:
    """Predict the images that the configuration on standard input names."""
    run_child(
        "worker.batches",
        BatchConfig,
        lambda config, _: predict_batch(
            config,
            LocalStorage(config.storage_dir),
            ProgressReporter(BatchProgress),
            lambda part_key: send(PartPredicted(part_key=part_key)),
        ),
    )


if __name__ == "__main__":
    main()
