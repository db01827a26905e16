"""Forward passes on a GPU that are recorded once and replayed: a pass is then a single launch."""

import logging
import threading
from bisect import bisect_left
from typing import Any, NamedTuple

import torch
from torch import Tensor

from app.ml.runtime.scoring import Scores
from app.predictions.engines.torch_engine import TorchEngine, overloaded_where_full

log = logging.getLogger(__name__)

_NUM_WARM_UP = 3
"""Passes before a capture: libraries choose kernels and make room in the first ones."""

_turns = threading.Lock()
"""Held for a capture and for a replay, of whichever model. torch has few streams and hands them out
again: what another thread puts on a stream while it is captured becomes part of the graph.
"""


class _Captured(NamedTuple):
    """A graph that reads the first images of the device's pixels, and where it leaves answers."""

    graph: torch.cuda.CUDAGraph
    logits: Tensor
    features: Tensor


class GraphedEngine:
    """A torch engine's network on CUDA, captured for some sizes of batches when it is loaded.

    A batch of another size is padded to the next one, with whatever lies there. At most
    largest_batch images run at a time. All graphs compute in the same memory; so answers are copied
    before another begins. A network that cannot be captured runs as it is; `refusal` tells why.
    Source: PyTorch, "CUDA semantics", "CUDA Graphs".
    """

    def __init__(self, engine: TorchEngine, largest_batch: int) -> None:
        """Raises Overloaded where the memory of the GPU does not hold the largest batch."""
        self.name, self.numbers, self.num_bytes = engine.name, engine.numbers, engine.num_bytes
        self.refusal: str | None = None
        self._engine = engine
        self._sizes = list_sizes(largest_batch)
        self._captured: dict[int, _Captured] = {}
        self._stream = torch.cuda.Stream(engine.device)  # type: ignore[no-untyped-call] # torch
        # Who waits for it sleeps: the lanes need the cores.
        self._is_done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call] # torch
        size = engine.network.input_size
        shape = (largest_batch, 3, size, size)
        with overloaded_where_full(largest_batch), _turns:
            self._pixels = torch.zeros(shape, dtype=torch.uint8, device=engine.device)
            self._host_pixels = torch.zeros(shape, dtype=torch.uint8, pin_memory=True)
            self._capture_all()
        if self.refusal is None:
            largest = self._captured[largest_batch]
            self._host_logits = torch.zeros(largest.logits.shape, pin_memory=True)
            self._host_features = torch.zeros(largest.features.shape, pin_memory=True)

    def run(self, pixels: Tensor) -> Scores:
        if self.refusal is not None:
            return self._engine.run(pixels)
        number = len(pixels)
        captured = self._captured[self._sizes[bisect_left(self._sizes, number)]]
        with _turns, torch.inference_mode(), torch.cuda.stream(self._stream):
            self._host_pixels[:number].copy_(pixels)
            self._pixels[:number].copy_(self._host_pixels[:number], non_blocking=True)
            captured.graph.replay()
            logits, features = self._host_logits[:number], self._host_features[:number]
            logits.copy_(captured.logits[:number], non_blocking=True)
            features.copy_(captured.features[:number], non_blocking=True)
            self._is_done.record()
            self._is_done.synchronize()
            return Scores(logits.clone(), features.clone())

    def _capture_all(self) -> None:
        """The largest first: the others find room in its memory."""
        pool = torch.cuda.graph_pool_handle()
        self._stream.wait_stream(torch.cuda.current_stream(self._engine.device))
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            for size in reversed(self._sizes):
                pixels = self._pixels[:size]
                for _ in range(_NUM_WARM_UP):
                    self._engine.network(pixels)
                try:
                    self._captured[size] = self._capture(pixels, pool)
                except torch.OutOfMemoryError:
                    raise
                except RuntimeError as error:
                    self.refusal = str(error)
                    self._captured.clear()
                    name = type(self._engine.network.model).__name__
                    log.warning("%s runs without CUDA graphs", name, exc_info=True)
                    return

    def _capture(self, pixels: Tensor, pool: Any) -> _Captured:
        graph = torch.cuda.CUDAGraph()
        # Other threads may allocate meanwhile, for a model that is loaded or explained.
        with torch.cuda.graph(
            graph, pool=pool, stream=self._stream, capture_error_mode="thread_local"
        ):
            logits, features = self._engine.network(pixels)
        return _Captured(graph, logits, features)


def list_sizes(largest_batch: int) -> list[int]:
    """The powers of two below the largest, and the largest."""
    return [*(1 << power for power in range((largest_batch - 1).bit_length())), largest_batch]
