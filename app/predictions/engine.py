"""A loaded model that turns an image into probabilities."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from PIL.Image import Image
from torch import Tensor, nn

from app.ml import checkpoint
from app.ml.preprocessing import PreprocessingSpec, prepare_eval


class Ranked(NamedTuple):
    """A class and its probability."""

    label: str
    probability: float


@dataclass(frozen=True)
class Engine:
    """A model in evaluation mode on its device, with its class names and preprocessing."""

    model: nn.Module
    class_names: tuple[str, ...]
    preprocessing: PreprocessingSpec
    device: torch.device

    def classify(self, image: Image) -> Tensor:
        """The softmax over all classes of one RGB image: float32 [num_classes], on the CPU.

        Every image passes alone, so that its answer does not depend on its company.
        """
        with torch.inference_mode():
            pixels = prepare_eval(image, self.preprocessing).unsqueeze(0)
            logits: Tensor = self.model(pixels.to(self.device))
            return logits[0].float().softmax(dim=0).cpu()

    def rank(self, probabilities: Tensor, top_k: int) -> list[Ranked]:
        """The most probable classes first, at most top_k; equals in the order of the classes."""
        order = probabilities.sort(descending=True, stable=True).indices[:top_k].tolist()
        return [Ranked(self.class_names[i], float(probabilities[i])) for i in order]


def load_engine(path: Path, device: torch.device) -> Engine:
    """Load a complete checkpoint; raises CheckpointInvalid as `app.ml.checkpoint.load` does."""
    model, header = checkpoint.restore_model(checkpoint.load(path))
    return Engine(model.to(device), header.class_names, header.preprocessing, device)


def use_one_thread() -> None:
    """Let the calling thread run torch by itself: the lanes are the parallelism."""
    torch.set_num_threads(1)
