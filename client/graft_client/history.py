"""The epochs of a job as rows, a table and curves."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from graft_client.display.curves import curves_svg
from graft_client.display.html import history_html
from graft_client.optional import require

if TYPE_CHECKING:
    from graft_client.schemas.jobs import Epoch

PANELS = (("val_accuracy", "validation accuracy"), ("val_loss", "validation loss"))


class History(Sequence["Epoch"]):
    """The finished epochs of a job, in order; notebooks show a table with curves.

    num_epochs counts all finished epochs, of which the service may have left some out.
    """

    def __init__(self, epochs: Sequence["Epoch"], *, num_epochs: int | None = None) -> None:
        self.epochs = tuple(epochs)
        self.num_epochs = len(self.epochs) if num_epochs is None else num_epochs

    @overload
    def __getitem__(self, index: int) -> "Epoch": ...
    @overload
    def __getitem__(self, index: slice) -> Sequence["Epoch"]: ...
    def __getitem__(self, index: int | slice) -> "Epoch | Sequence[Epoch]":
        return self.epochs[index]

    def __len__(self) -> int:
        return len(self.epochs)

    def __repr__(self) -> str:
        if self.best is None:
            return f"<History of {self.num_epochs} epochs>"
        best = f"best {self.best.epoch}: val_accuracy {self.best.val_accuracy:.3f}"
        return f"<History of {self.num_epochs} epochs, {best}>"

    def _repr_html_(self) -> str:
        return curves_svg(self.epochs) + history_html(self.epochs)

    @property
    def best(self) -> "Epoch | None":
        """The row whose model is the best so far; None if there is none."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.is_best), None)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return [epoch.model_dump() for epoch in self.epochs]

    def to_pandas(self) -> Any:
        """Return the rows as a pandas.DataFrame by epoch; raises MissingDependency."""
        pandas = require("pandas", "to_pandas()")
        columns = list(type(self.epochs[0]).model_fields) if self.epochs else ["epoch"]
        return pandas.DataFrame(self.to_dicts(), columns=columns).set_index("epoch")

    def plot(self, *, label: str | None = None, axes: Any = None) -> Any:
        """Draw validation accuracy and loss by epoch with matplotlib; return the two axes.

        Give the axes of another history to compare both in one figure. Raises MissingDependency.
        """
        if axes is None:
            pyplot = require("matplotlib.pyplot", "plot()")
            _, axes = pyplot.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
        numbers = [epoch.epoch for epoch in self.epochs]
        for axis, (column, title) in zip(axes, PANELS, strict=True):
            values = [getattr(epoch, column) for epoch in self.epochs]
            axis.plot(numbers, values, marker=".", label=label)
            axis.set(xlabel="epoch", title=title)
            axis.grid(visible=True, alpha=0.3)
            if label is not None:
                axis.legend()
        axes[0].set_ylim(0, 1.02)
        return axes
