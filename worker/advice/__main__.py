"""Measure advice for a dataset: `python -m worker.advice`."""

from typing import TYPE_CHECKING, cast

from worker.advice.advise import advise
from worker.child_main import run_analysis

if TYPE_CHECKING:
    from app.advice.schemas import AdviceRequest


def main() -> None:
    """Measure advice for the configuration on standard input."""
    run_analysis(
        "worker.advice",
        lambda config, progress: advise(config, cast("AdviceRequest", config.question), progress),
    )


if __name__ == "__main__":
    main()
