"""Show progress in a terminal: a bar, and a row for each finished epoch above it."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from graft_client.schemas.jobs import Epoch

_HEADINGS = ("train loss", "val loss", "train acc.", "val acc. ", "balanced", "seconds")
_ROW = "{:>11}{:>12}{:>10}{:>12}{:>11}{:>10}{:>9}"


class TerminalDisplay:
    """A bar that disappears when it ends; rows of epochs stay."""

    def __init__(self, title: str, console: Console | None = None) -> None:
        """By default it writes to standard error."""
        self._title = title
        self._console = console or Console(stderr=True)
        self._has_heading = False
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,  # it would leave an empty line
        )
        self._task = self._bar.add_task(title, total=None, text="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self, done: int, total: int | None, text: str) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total or None, text=text)

    def add_epoch(self, epoch: Epoch, strength: float | None) -> None:
        """Print a row above the bar, and a heading above the first one."""
        if not self._has_heading:
            first = "epoch" if strength is None else "L2 strength"
            self._console.print(f"{self._title}  (* best so far)", markup=False, highlight=False)
            self._console.print(_ROW.format(first, *_HEADINGS), style="dim")
            self._has_heading = True
        self._console.print(_format_row(epoch, strength), highlight=False)


def _format_row(epoch: Epoch, strength: float | None) -> str:
    balanced = epoch.val_balanced_accuracy
    return _ROW.format(
        epoch.epoch if strength is None else f"{strength:g}",
        f"{epoch.train_loss:.3f}",
        f"{epoch.val_loss:.3f}",
        f"{epoch.train_accuracy:.3f}",
        f"{epoch.val_accuracy:.3f}" + ("*" if epoch.is_best else " "),
        "-" if balanced is None else f"{balanced:.3f}",
        f"{epoch.seconds:.1f}",
    )
