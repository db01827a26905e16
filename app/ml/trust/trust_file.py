"""Calibration of a model: measured once after training and stored beside the model."""

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
    """Measurements on images that the model was not trained on, and features of those it was.

    temperature: what logits are divided by before the softmax. conformity: float32 [num_val],
    ascending, the probability of each validation image's own class, calibrated by a temperature
    that the image had no part in; empty for a single image. neighbours: float32
    [num_kept, num_features], training images' features at unit length. distances: float32
    [num_measured], ascending, how far validation images lie from them (`app.ml.trust.novelty`).
    """

    temperature: float
    conformity: Tensor
    neighbours: Tensor
    distances: Tensor

    @cached_property
    def novelty_limit(self) -> float | None:
        """The distance above which an image is novel; None for too few validation images."""
        return find_limit(self.distances)


def save_trust(storage: Storage, key: str, trust: Trust) -> None:
    """Write the measurements, with their digest, under a key, whole or not at all.

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
    """Read the measurements into memory; the file is not mapped, so it cannot change them later.

    Raises CheckpointInvalid for a file that is something else, damaged, or altered. Files without a
    digest, of versions before 0.2.0, are not checked for alterations.
    """
    content = path.read_bytes()
    try:
        tensors = safetensors.torch.load(content)
        if read_metadata(content).get(_DIGEST_KEY, "") not in {"", _compute_digest(tensors)}:
            raise CheckpointInvalid(
                "The file of a model's calibration was changed after it was stored. "
                "Restore the file from a backup, or use another version."
            )
        return Trust(
            temperature=float(tensors["temperature"]),
            conformity=tensors["conformity"],
            neighbours=tensors["neighbours"].float(),
            distances=tensors["distances"],
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointInvalid("The file of a model's calibration is damaged.") from error


def _compute_digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.numpy().data)
    return digest.hexdigest()
