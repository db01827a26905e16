"""Run models with torch itself."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from app.errors import Overloaded
from app.ml.models.folding import fold_batch_norms
from app.ml.runtime.device import move_to_device
from app.ml.runtime.precision import ResolvedPrecision
from app.ml.runtime.scoring import Scores, ScoringNetwork
from app.predictions.engines.engine import EngineName, EnginePrecision

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchEngine:
    """A scoring network on its device, in channels-last layout, batch normalisation folded.

    On the CPU it uses the calling thread's number of torch threads.
    """

    name: EngineName = "torch"

    def __init__(
        self, network: ScoringNetwork, device: torch.device, precision: ResolvedPrecision
    ) -> None:
        self.precision: EnginePrecision = precision
        self.device = device
        fold_batch_norms(network.model)
        move_to_device(network, device)
        self.network = network
        self.network.model.to(_DTYPES[precision])
        self.num_bytes = sum(p.nbytes for p in self.network.parameters())

    def run(self, pixels: Tensor) -> Scores:
        with raise_overloaded_when_full(len(pixels)), torch.inference_mode():
            logits, features = self.network(pixels.to(self.device))
            return Scores(logits.cpu(), features.cpu())


@contextmanager
def raise_overloaded_when_full(num_images: int) -> Iterator[None]:
    """Raise Overloaded if the GPU is out of memory in the block, and free torch's cache."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise Overloaded(
            f"The GPU is out of memory for {num_images} images of this model; try again later."
        ) from error
