"""Run forward passes on a GPU as CUDA graphs, which replay with a single launch."""

import logging
import threading
from bisect import bisect_left
from typing import Any, NamedTuple

import torch
from torch import Tensor

from app.ml.images.gpu_decoding import decoding_lock
from app.ml.runtime.scoring import Scores
from app.predictions.engines.torch_engine import TorchEngine, raise_overloaded_when_full

log = logging.getLogger(__name__)

_NUM_WARM_UP = 3
"""Passes before a capture: libraries choose kernels and allocate memory in the first ones."""

_capture_lock = threading.Lock()
"""Held for every capture and replay, of any model. torch reuses a few streams: work that another
thread puts on a stream during its capture would become part of the graph.
"""


class _Captured(NamedTuple):
    """A graph over the first images of the input buffer, and its output buffers."""

    graph: torch.cuda.CUDAGraph
    logits: Tensor
    features: Tensor


class CudaGraphEngine:
    """A torch engine's network on CUDA, captured for several batch sizes when it is loaded.

    A batch of another size runs in the next larger graph, with old pixels as padding. At most
    largest_batch images run at a time. All graphs share their memory, so outputs are copied before
    the next replay. A network that cannot be captured runs eagerly; `capture_error` is the reason.
    Source: PyTorch, "CUDA semantics", "CUDA Graphs".
    """

    def __init__(self, engine: TorchEngine, largest_batch: int) -> None:
        """Capture the graphs; raises Overloaded if the GPU has no memory for the largest batch."""
        self.name, self.precision, self.num_bytes = engine.name, engine.precision, engine.num_bytes
        self.capture_error: str | None = None
        self._engine = engine
        self._sizes = list_sizes(largest_batch)
        self._captured: dict[int, _Captured] = {}
        self._stream = torch.cuda.Stream(engine.device)  # type: ignore[no-untyped-call] # torch
        # Blocking, so that a waiting thread sleeps: the lanes need the cores.
        self._is_done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call] # torch
        size = engine.network.input_size
        shape = (largest_batch, 3, size, size)
        with raise_overloaded_when_full(largest_batch), _capture_lock, decoding_lock:
            self._pixels = torch.zeros(shape, dtype=torch.uint8, device=engine.device)
            self._host_pixels = torch.zeros(shape, dtype=torch.uint8, pin_memory=True)
            self._capture_all()
        if self.capture_error is None:
            largest = self._captured[largest_batch]
            self._host_logits = torch.zeros(largest.logits.shape, pin_memory=True)
            self._host_features = torch.zeros(largest.features.shape, pin_memory=True)

    def run(self, pixels: Tensor) -> Scores:
        if self.capture_error is not None:
            return self._engine.run(pixels)
        number = len(pixels)
        captured = self._captured[self._sizes[bisect_left(self._sizes, number)]]
        with _capture_lock, torch.inference_mode(), torch.cuda.stream(self._stream):
            self._fill(pixels)
            captured.graph.replay()
            logits, features = self._host_logits[:number], self._host_features[:number]
            logits.copy_(captured.logits[:number], non_blocking=True)
            features.copy_(captured.features[:number], non_blocking=True)
            self._is_done.record()
            self._is_done.synchronize()
            return Scores(logits.clone(), features.clone())

    def _fill(self, pixels: Tensor) -> None:
        """Copy images into the input buffer, on this engine's stream."""
        number = len(pixels)
        if pixels.is_cuda:  # decoded there by other threads, on the default stream
            self._stream.wait_stream(torch.cuda.default_stream(self._engine.device))
            self._pixels[:number].copy_(pixels, non_blocking=True)
            return
        self._host_pixels[:number].copy_(pixels)
        self._pixels[:number].copy_(self._host_pixels[:number], non_blocking=True)

    def _capture_all(self) -> None:
        """Capture every size, the largest first, so that the others fit into its memory."""
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
                    self.capture_error = str(error)
                    self._captured.clear()
                    name = type(self._engine.network.model).__name__
                    log.warning("%s runs without CUDA graphs", name, exc_info=True)
                    return

    def _capture(self, pixels: Tensor, pool: Any) -> _Captured:
        graph = torch.cuda.CUDAGraph()
        # Other threads may allocate meanwhile, to load or explain a model.
        with torch.cuda.graph(
            graph, pool=pool, stream=self._stream, capture_error_mode="thread_local"
        ):
            logits, features = self._engine.network(pixels)
        return _Captured(graph, logits, features)


def list_sizes(largest_batch: int) -> list[int]:
    """Return the powers of two below the largest batch, and the largest batch."""
    return [*(1 << power for power in range((largest_batch - 1).bit_length())), largest_batch]
