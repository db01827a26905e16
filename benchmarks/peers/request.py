"""What every peer is asked, and the clock it reports its epochs to."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

Precision = Literal["float32", "bfloat16"]
PeerStrategy = Literal["feature_extract", "fine_tune"]


@dataclass(frozen=True)
class Request:
    """Train SqueezeNet 1.0 on `folder/{train,val}/<class>/…`.

    weights_file holds torchvision's names (safetensors). epochs None leaves the number to the peer:
    what its documentation trains for. precision bfloat16 is for peers that offer mixed precision on
    the CPU: Lightning, timm and transformers. input_size in pixels. scratch_dir is an empty folder
    for what the peer likes to write.
    """

    folder: Path
    weights_file: Path
    strategy: PeerStrategy
    seed: int
    input_size: int
    scratch_dir: Path
    epochs: int | None = None
    precision: Precision = "float32"

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Request":
        paths = {name: Path(fields[name]) for name in ("folder", "weights_file", "scratch_dir")}
        return cls(**(fields | paths))

    def to_json(self) -> dict[str, Any]:
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
        }


class Peer(Protocol):
    """A module of a peer."""

    SETTINGS: dict[str, Any]

    def train(self, request: Request, clock: "EpochClock") -> None:
        """Train, telling the clock when the epochs begin and each time one has ended."""


class EpochClock:
    """Turns the ends of epochs into rows: seconds of the epoch, elapsed since training was asked.

    An epoch is a pass over both splits, with whatever the peer does between two such ends. Reading
    the folder and building the model lie before the first one and count as elapsed alone.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._asked = self._last = time.perf_counter()
        self._num_epochs = 0

    def begin_epochs(self) -> None:
        self._last = time.perf_counter()

    def end_epoch(self, val_accuracy: float) -> None:
        """val_accuracy in 0..1."""
        now = time.perf_counter()
        self._num_epochs += 1
        row = {
            "epoch": self._num_epochs,
            "seconds": now - self._last,
            "elapsed": now - self._asked,
            "val_accuracy": float(val_accuracy),
        }
        self._tell({"row": row})
        self._last = time.perf_counter()

    def end(self) -> None:
        self._tell({"trained_seconds": time.perf_counter() - self._asked})
