"""What a display of progress can do."""

from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from graft_client.schemas.jobs import Epoch


class Display(Protocol):
    """Shows how far something is; entered when it starts, left when it ends."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def update(self, done: int, total: int | None, text: str) -> None:
        """Show that `done` of `total` is finished; None means that the total is unknown."""

    def add_epoch(self, epoch: "Epoch", strength: float | None) -> None:
        """Add a finished epoch of a job; strength is the L2 strength that it stands for."""


class SilentDisplay:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def update(self, done: int, total: int | None, text: str) -> None: ...

    def add_epoch(self, epoch: "Epoch", strength: float | None) -> None: ...
