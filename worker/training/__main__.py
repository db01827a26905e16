"""The child process that trains: `python -m worker.training`, spoken to by its supervisor."""

from app.loading import loading_code

with loading_code():
    from app.errors import GraftError
    from worker.parent_watchdog import open_lifeline
    from worker.protocol import Failed, say
    from worker.training.config import TrainingConfig
    from worker.training.run import run


def main() -> None:
    """Train as told; a failure that has a name is said, any other ends the process with a trace."""
    lifeline = open_lifeline()
    config = TrainingConfig.model_validate_json(lifeline.configuration)
    try:
        run(config, should_stop=lifeline.stop_requested.is_set, say=say)
    except GraftError as error:
        say(Failed(code=error.code, message=error.message))


if __name__ == "__main__":
    main()
