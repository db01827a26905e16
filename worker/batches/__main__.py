"""The process that predicts one batch: `python -m worker.batches`."""

from app.loading import loading_code

with loading_code():
    from app.errors import GraftError
    from app.storage import LocalStorage
    from worker.batches.config import BatchConfig
    from worker.batches.predict import predict_batch
    from worker.parent_watchdog import open_lifeline
    from worker.protocol import BatchProgress, Failed, PartPredicted, Predicted, say
    from worker.reporter import Reporter


def main() -> None:
    """Predict what the configuration on standard input names; the last message is the outcome."""
    lifeline = open_lifeline()
    config = BatchConfig.model_validate_json(lifeline.configuration)
    outcome: Predicted | Failed
    try:
        outcome = predict_batch(
            config,
            LocalStorage(config.storage_dir),
            Reporter(BatchProgress),
            lambda part_key: say(PartPredicted(part_key=part_key)),
        )
    except GraftError as error:
        outcome = Failed(code=error.code, message=error.message)
    say(outcome)


if __name__ == "__main__":
    main()
