"""Evaluate a version on a dataset: `python -m worker.evaluation`."""

from typing import TYPE_CHECKING, cast

from worker.child_main import run_analysis
from worker.evaluation.run import evaluate

if TYPE_CHECKING:
    from app.evaluations.schemas import EvaluationParameters


def main() -> None:
    """Evaluate the version that the configuration on standard input names."""
    run_analysis(
        "worker.evaluation",
        lambda config, progress: evaluate(
            config, cast("EvaluationParameters", config.question), progress
        ),
    )


if __name__ == "__main__":
    main()
