"""Show a job on the terminal: one row per epoch, and a progress bar."""

from rich.console import Console

from graft_client import Job
from graft_client.display.terminal import TerminalDisplay


def watch_job(job: Job, *, title: str, console: Console) -> Job:
    """Show the job until it has ended; raises OutcomeError unless it succeeds.

    With `lbfgs` the rows show L2 strengths instead of epochs.
    """
    console.print()
    job.wait(progress=TerminalDisplay(title, console))
    if job.best is not None and job.best.epoch == 0:
        console.print(
            "No epoch is better on the validation images than the solved head that the training "
            f"began with ({job.best.val_accuracy:.3f}), so that head is registered."
        )
    return job
