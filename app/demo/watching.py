"""A job on the terminal: a row for every epoch above a bar that moves with the batches."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from graft_client.graft import Graft
from graft_client.resources.jobs import Epoch, Job
from graft_client.resources.jobs import Progress as JobProgress

_HEADINGS = ("epoch", "train loss", "val loss", "train acc.", "val acc. ", "seconds")
_ROW = "{:>6}{:>13}{:>11}{:>13}{:>12}{:>9}"


def watch_job(graft: Graft, job: Job, *, title: str, console: Console) -> Job:
    """Show the job until its end; raises OutcomeError unless it succeeds."""
    console.print(f"\n[bold]{title}[/]  (* best so far)")
    console.print(_ROW.format(*_HEADINGS), style="dim")
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("waiting", total=None, speed="")
        for event in graft.follow_job(job.id):
            if isinstance(event, JobProgress):
                _move(bar, task, event)
            elif event.type == "epoch":
                console.print(_write_row(Epoch.model_validate(event.payload)), highlight=False)
    return graft.wait_for_job(job.id)


def _move(bar: Progress, task: TaskID, progress: JobProgress) -> None:
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


def _write_row(epoch: Epoch) -> str:
    return _ROW.format(
        epoch.epoch,
        f"{epoch.train_loss:.3f}",
        f"{epoch.val_loss:.3f}",
        f"{epoch.train_accuracy:.3f}",
        f"{epoch.val_accuracy:.3f}" + ("*" if epoch.is_best else " "),
        f"{epoch.seconds:.1f}",
    )
