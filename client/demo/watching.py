"""A job on the terminal: a bar that moves with the batches, and a row for every epoch."""

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from client.graft import Graft
from client.resources import Epoch, Job, JobEvent
from client.resources import Progress as JobProgress


def watch_job(graft: Graft, job: Job, *, title: str, console: Console) -> Job:
    """Show the job until its end; raises OutcomeError unless it succeeds."""
    table = _new_table(title)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        console=console,
    )
    task = bar.add_task("waiting", total=None, speed="")
    with Live(Group(table, bar), console=console, refresh_per_second=8):
        for event in graft.follow_job(job.id):
            if isinstance(event, JobProgress):
                _move_bar(bar, task, event)
            else:
                _tell_event(table, event)
        bar.update(task, visible=False)
    return graft.wait_for_job(job.id)


def _move_bar(bar: Progress, task: TaskID, progress: JobProgress) -> None:
    if progress.steps == 0:
        return
    speed = f"{progress.images_per_second:.0f} images/s" if progress.images_per_second else ""
    bar.update(
        task,
        description=f"epoch {progress.epoch} of {progress.epochs}",
        completed=progress.step,
        total=progress.steps,
        speed=speed,
    )


def _tell_event(table: Table, event: JobEvent) -> None:
    if event.type != "epoch":
        return
    epoch = Epoch.model_validate(event.payload)
    table.add_row(
        str(epoch.epoch),
        f"{epoch.train_loss:.3f}",
        f"{epoch.val_loss:.3f}",
        f"{epoch.train_accuracy:.3f}",
        f"{epoch.val_accuracy:.3f}",
        f"{epoch.seconds:.1f}",
        style="bold" if epoch.is_best else "",
    )


def _new_table(title: str) -> Table:
    table = Table(title=title, title_justify="left", caption="bold: best so far")
    for heading in ("epoch", "train loss", "val loss", "train acc.", "val acc.", "seconds"):
        table.add_column(heading, justify="right")
    return table
