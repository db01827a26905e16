"""torch as an engine: the network itself, in the numbers that the device is fastest in."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from app.errors import Overloaded
from app.ml.models.folding import fold_batch_norms
from app.ml.runtime.precision import ResolvedPrecision
from app.ml.runtime.scoring import Scores, ScoringNetwork
from app.predictions.engines.engine import EngineName, EngineNumbers

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchEngine:
    """A scoring network on its device, in channels-last layout, batch normalisation folded.

    On the CPU it takes as many threads as the calling thread allows torch.
    """

    name: EngineName = "torch"

    def __init__(
        self, network: ScoringNetwork, device: torch.device, numbers: ResolvedPrecision
    ) -> None:
        self.numbers: EngineNumbers = numbers
        self.device = device
        fold_batch_norms(network.model)
        self.network: ScoringNetwork = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload] # torch
        self.network.model.to(_DTYPES[numbers])
        self.num_bytes = sum(p.nbytes for p in self.network.parameters())

    def run(self, pixels: Tensor) -> Scores:
        with overloaded_where_full(len(pixels)), torch.inference_mode():
            logits, features = self.network(pixels.to(self.device))
            return Scores(logits.cpu(), features.cpu())


@contextmanager
def overloaded_where_full(num_images: int) -> Iterator[None]:
    """Raise Overloaded where a GPU's memory is full, and give back what is kept for later."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise Overloaded(
            f"The memory of the GPU does not hold {num_images} images of this model now; try again."
        ) from error
