"""Show the events of a job."""

from graft_client.display.base import Display
from graft_client.display.meter import format_seconds
from graft_client.schemas.jobs import Epoch, JobEvent, JobFields, Progress


def show_event(display: Display, event: JobEvent | Progress, job: JobFields) -> Epoch | None:
    """Show an event or progress of a job; return the epoch that has ended with it, if one has."""
    if isinstance(event, Progress):
        if event.steps:
            display.update(event.step, event.steps, describe_progress(event, job))
        return None
    if event.type != "epoch":
        return None
    epoch = Epoch.model_validate(event.payload)
    strengths = job.l2_strengths
    display.add_epoch(epoch, strengths[epoch.epoch - 1] if strengths else None)
    return epoch


def describe_progress(progress: Progress, job: JobFields) -> str:
    """Return the epoch, speed and time left in words."""
    row = "L2 strength" if job.l2_strengths else "epoch"
    parts = [f"{row} {progress.epoch} of {progress.epochs or 'auto'}"]
    if progress.budget_used_seconds is not None:
        if progress.epoch == 0:
            parts = [progress.stage]
        budget = job.config.get("time_budget_seconds")
        parts.append(f"{progress.budget_used_seconds:.0f} of {budget:g} s used")
    if progress.images_per_second:
        parts.append(f"{progress.images_per_second:.0f} images/s")
    if progress.eta_seconds is not None:
        parts.append(f"{format_seconds(progress.eta_seconds)} left")
    return ", ".join(parts)
