"""Show a job on the terminal: one row per epoch, and a progress bar."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from graft_client.graft import Graft
from graft_client.resources.jobs import Epoch, Job
from graft_client.resources.jobs import Progress as JobProgress

_HEADINGS = ("train loss", "val loss", "train acc.", "val acc. ", "seconds")
_ROW = "{:>11}{:>13}{:>11}{:>13}{:>12}{:>9}"


def watch_job(graft: Graft, job: Job, *, title: str, console: Console) -> Job:
    """Show the job until it has ended; raises OutcomeError unless it succeeds.

    With `lbfgs` the rows show L2 strengths instead of epochs.
    """
    strengths = _list_strengths(job)
    console.print(f"\n[bold]{title}[/]  (* best so far)")
    console.print(_ROW.format("L2 strength" if strengths else "epoch", *_HEADINGS), style="dim")
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
                _update_bar(bar, task, event, "L2 strength" if strengths else "epoch")
            elif event.type == "epoch":
                epoch = Epoch.model_validate(event.payload)
                console.print(_format_row(epoch, strengths), highlight=False)
    finished = graft.wait_for_job(job.id)
    if finished.best is not None and finished.best.epoch == 0:
        console.print(
            "No epoch has a higher validation accuracy than the solved head that the training "
            f"began with ({finished.best.val_accuracy:.3f}), so that head is registered."
        )
    return finished


def _list_strengths(job: Job) -> Sequence[float]:
    optimizer = job.config.get("optimizer")
    return optimizer.get("l2_strengths", ()) if isinstance(optimizer, dict) else ()


def _update_bar(bar: Progress, task: TaskID, progress: JobProgress, row_name: str) -> None:
    if progress.steps == 0:
        return
    speed = f"{progress.images_per_second:.0f} images/s" if progress.images_per_second else ""
    bar.update(
        task,
        description=f"{row_name} {progress.epoch} of {progress.epochs}",
        completed=progress.step,
        total=progress.steps,
        speed=speed,
    )


def _format_row(epoch: Epoch, strengths: Sequence[float]) -> str:
    return _ROW.format(
        f"{strengths[epoch.epoch - 1]:g}" if strengths else epoch.epoch,
        f"{epoch.train_loss:.3f}",
        f"{epoch.val_loss:.3f}",
        f"{epoch.train_accuracy:.3f}",
        f"{epoch.val_accuracy:.3f}" + ("*" if epoch.is_best else " "),
        f"{epoch.seconds:.1f}",
    )
