"""What a model's confidence is worth, measured once after training and kept beside the model."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from app.errors import CheckpointInvalid
from app.ml.trust.novelty import find_limit
from app.storage import Storage


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
    """Write it under a key, whole or not at all. Raises StorageFull."""
    content = safetensors.torch.save(
        {
            "temperature": torch.tensor([trust.temperature], dtype=torch.float64),
            "conformity": trust.conformity.contiguous(),
            "neighbours": trust.neighbours.to(torch.float16).contiguous(),
            "distances": trust.distances.contiguous(),
        }
    )
    with storage.new_file(key) as file:
        file.write(content)


def load_trust(path: Path) -> Trust:
    """Read it back; raises CheckpointInvalid for a file that is something else or damaged."""
    try:
        tensors = safetensors.torch.load_file(path)
        return Trust(
            temperature=float(tensors["temperature"]),
            conformity=tensors["conformity"],
            neighbours=tensors["neighbours"].float(),
            distances=tensors["distances"],
        )
    except (SafetensorError, KeyError) as error:
        raise CheckpointInvalid("The file of a model's calibration is damaged.") from error
