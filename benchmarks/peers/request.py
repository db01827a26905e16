"""Define the training request that every peer gets, and the clock that times its epochs."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

Precision = Literal["float32", "bfloat16"]
PeerStrategy = Literal["feature_extract", "fine_tune"]


@dataclass(frozen=True)
class Request:
    """A request to train a network on `folder/{train,val}/<class>/…`.

    architecture: a name of `benchmarks.peers.network`. weights_file: safetensors of SqueezeNet 1.0
    with torchvision's parameter names. epochs: None means the number in
    the peer's documentation. precision: bfloat16 is for peers with mixed precision on the CPU
    (Lightning, timm and transformers). input_size: in pixels. scratch_dir: an empty folder for
    files that the peer writes.
    """

    folder: Path
    weights_file: Path
    strategy: PeerStrategy
    seed: int
    input_size: int
    scratch_dir: Path
    epochs: int | None = None
    architecture: str = "squeezenet1_0"
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
    """The interface of a peer's module."""

    SETTINGS: dict[str, Any]

    def train(self, request: Request, clock: "EpochClock") -> None:
        """Train; call the clock when the first epoch begins and after each epoch."""


class EpochClock:
    """A clock that writes a row per epoch: its seconds, and the seconds elapsed since the request.

    An epoch is a pass over both splits, with everything that the peer does until the next one ends.
    Reading the folder and building the model happen before the first epoch, so they count only in
    the elapsed seconds.
    """

    def __init__(self, write: Callable[[dict[str, Any]], None]) -> None:
        self._write = write
        self._requested = self._last = time.perf_counter()
        self._num_epochs = 0

    def begin_epochs(self) -> None:
        self._last = time.perf_counter()

    def end_epoch(self, val_accuracy: float) -> None:
        """Write the row of an epoch; val_accuracy is from 0 to 1."""
        now = time.perf_counter()
        self._num_epochs += 1
        row = {
            "epoch": self._num_epochs,
            "seconds": now - self._last,
            "elapsed": now - self._requested,
            "val_accuracy": float(val_accuracy),
        }
        self._write({"row": row})
        self._last = time.perf_counter()

    def end(self) -> None:
        self._write({"trained_seconds": time.perf_counter() - self._requested})
