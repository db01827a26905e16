"""Run one batch of a job: `python -m worker.dry_run`."""

from typing import TYPE_CHECKING, cast

from worker.child_main import run_analysis
from worker.dry_run.run import dry_run

if TYPE_CHECKING:
    from app.validation.dry_run_schemas import DryRunRequest


def main() -> None:
    """Run the dry run of the job that the configuration on standard input describes."""
    run_analysis(
        "worker.dry_run",
        lambda config, _: dry_run(config, cast("DryRunRequest", config.question)),
    )


if __name__ == "__main__":
    main()
