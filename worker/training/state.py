"""A trainer's state: what it takes to go on after an epoch as if nothing had happened.

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

_DIGEST_NUM_BYTES = 32


@dataclass(frozen=True)
class TrainerState:
    """The state after an epoch.

    tensors are what training changes, on the trunk of trunk_digest, and average the moving average
    of them where one is kept; best_key is the checkpoint of the best epoch, which an earlier
    attempt may have written. Learning rates and random numbers are functions of the epoch and need
    no state.
    """

    epoch: int
    tensors: dict[str, Tensor]
    average: dict[str, Tensor] | None
    trunk_digest: str | None
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    best: Best
    best_key: str


def save_state(storage: Storage, key: str, state: TrainerState) -> None:
    """Write a state; it is durable when this returns. Raises StorageFull."""
    buffer = io.BytesIO()
    torch.save({**vars(state), "best": asdict(state.best)}, buffer)
    content = buffer.getbuffer()
    with storage.new_file(key) as file:
        file.write(hashlib.sha256(content).digest())
        file.write(content)


def load_state(path: Path) -> TrainerState:
    """Read a state onto the CPU; raises CheckpointInvalid where it is damaged."""
    with path.open("rb") as file:
        digest = file.read(_DIGEST_NUM_BYTES)
        content = file.read()
    if hashlib.sha256(content).digest() != digest:
        raise CheckpointInvalid("The trainer's state is damaged.")
    try:
        values = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return TrainerState(**{**values, "best": Best(**values["best"])})
    except (pickle.UnpicklingError, RuntimeError, TypeError, KeyError) as error:
        raise CheckpointInvalid("The trainer's state is of another version.") from error
