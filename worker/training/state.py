"""Store and load a trainer's state, from which training resumes exactly after an epoch.

File: the sha256 of the rest, 32 bytes, then `torch.save`. It is read with weights_only=True, so a
file can hold tensors and plain values but no code.
"""

import hashlib
import io
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from app.errors import CheckpointInvalid
from app.storage import Storage
from worker.training.fit import Best
from worker.training.loop import PassResult

_DIGEST_NUM_BYTES = 32


@dataclass(frozen=True)
class TrainerState:
    """The state after an epoch.

    tensors are those that training changes; trunk_digest identifies the frozen backbone. average is
    their moving average, if one is kept. best_key is the checkpoint of the best epoch, which an
    earlier attempt may have written. start is the validation result before the first epoch, if the
    head was solved for. Learning rates and random numbers are functions of the epoch and need no
    state.
    """

    epoch: int
    tensors: dict[str, Tensor]
    average: dict[str, Tensor] | None
    trunk_digest: str | None
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    best: Best
    best_key: str
    start: PassResult | None = None


def save_state(storage: Storage, key: str, state: TrainerState) -> None:
    """Write a state; it is durable when this returns. Raises StorageFull."""
    buffer = io.BytesIO()
    torch.save(_to_plain_values(state), buffer)
    content = buffer.getbuffer()
    with storage.new_file(key) as file:
        file.write(hashlib.sha256(content).digest())
        file.write(content)


def load_state(path: Path) -> TrainerState:
    """Read a state onto the CPU. Raises CheckpointInvalid if it is damaged."""
    with path.open("rb") as file:
        digest = file.read(_DIGEST_NUM_BYTES)
        content = file.read()
    if hashlib.sha256(content).digest() != digest:
        raise CheckpointInvalid("The trainer's state is damaged.")
    try:
        values = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        start = values.get("start")
        best = _read_best(**values["best"])
        return TrainerState(**values | {"best": best, "start": start and PassResult(**start)})
    except (pickle.UnpicklingError, RuntimeError, TypeError, KeyError) as error:
        raise CheckpointInvalid("The trainer's state is of another version.") from error


def _to_plain_values(state: TrainerState) -> dict[str, Any]:
    start = asdict(state.start) if state.start else None
    return {**vars(state), "best": asdict(state.best), "start": start}


def _read_best(epoch: int, score: float, **values: Any) -> Best:
    """Return the best epoch; version 0.2 stored nothing else, and knew no better trained one."""
    return Best(epoch, score, **{"peak_epoch": epoch, "peak_score": score} | values)
