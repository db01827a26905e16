"""Store and load a model's calibration data, measured once after training."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from app.errors import CheckpointInvalid
from app.ml.safetensors_metadata import read_metadata
from app.ml.trust.novelty import find_limit
from app.storage import Storage

_DIGEST_KEY = "graft_trust_digest"


@dataclass(frozen=True)
class Trust:
    """Measurements on validation images, and features of training images.

    temperature: divisor of the logits before the softmax. conformity: float32 [num_val], ascending,
    the cross-fitted probability of each validation image's true class; empty for a single image.
    neighbours: float32 [num_kept, num_features], training images' features at unit length.
    distances: float32 [num_measured], ascending, validation images' distances from these neighbours
    (`app.ml.trust.novelty`).
    """

    temperature: float
    conformity: Tensor
    neighbours: Tensor
    distances: Tensor

    @cached_property
    def novelty_limit(self) -> float | None:
        """The distance above which an image is out of distribution; None for too few images."""
        return find_limit(self.distances)


def save_trust(storage: Storage, key: str, trust: Trust) -> None:
    """Write the measurements and their digest under a key, atomically.

    Raises StorageFull.
    """
    tensors = {
        "temperature": torch.tensor([trust.temperature], dtype=torch.float64),
        "conformity": trust.conformity.contiguous(),
        "neighbours": trust.neighbours.to(torch.float16).contiguous(),
        "distances": trust.distances.contiguous(),
    }
    content = safetensors.torch.save(tensors, {_DIGEST_KEY: _compute_digest(tensors)})
    with storage.new_file(key) as file:
        file.write(content)


def load_trust(path: Path) -> Trust:
    """Read the measurements into memory; later changes of the file do not affect them.

    Raises CheckpointInvalid for a file that has another format, is damaged, or was changed. Files
    without a digest (before version 0.2.0) are not checked for changes.
    """
    content = path.read_bytes()
    try:
        tensors = safetensors.torch.load(content)
        if read_metadata(content).get(_DIGEST_KEY, "") not in {"", _compute_digest(tensors)}:
            raise CheckpointInvalid(
                "The file with the model's calibration was changed after it was stored. "
                "Restore the file from a backup, or use another version."
            )
        return Trust(
            temperature=float(tensors["temperature"]),
            conformity=tensors["conformity"],
            neighbours=tensors["neighbours"].float(),
            distances=tensors["distances"],
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointInvalid(
            "The file with the model's calibration is damaged. Restore it from a backup, or use "
            "another version."
        ) from error


def _compute_digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.numpy().data)
    return digest.hexdigest()
