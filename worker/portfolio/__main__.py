"""Train one job within a time budget: `python -m worker.portfolio`."""

from worker.child_main import run_child
from worker.parent_watchdog import ParentWatchdog
from worker.portfolio.config import PortfolioConfig
from worker.portfolio.run import run
from worker.protocol import send


def main() -> None:
    """Train the job that the configuration on standard input describes."""
    run_child("worker.portfolio", PortfolioConfig, _run)


def _run(config: PortfolioConfig, watchdog: ParentWatchdog) -> None:
    run(config, should_stop=watchdog.stop_requested.is_set, send=send)


if __name__ == "__main__":
    main()
