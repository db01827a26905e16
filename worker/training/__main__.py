"""Train one job: `python -m worker.training`."""

from worker.child_main import run_child
from worker.parent_watchdog import ParentWatchdog
from worker.protocol import send
from worker.training.config import TrainingConfig
from worker.training.run import run


def main() -> None:
    """Train the job that the configuration on standard input describes."""
    run_child("worker.training", TrainingConfig, _train)


def _train(config: TrainingConfig, watchdog: ParentWatchdog) -> None:
    run(config, should_stop=watchdog.stop_requested.is_set, send=send)


if __name__ == "__main__":
    main()
