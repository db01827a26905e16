"""Convert networks to OpenVINO, and run them compiled for this CPU."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from app.ml.runtime.precision import ResolvedPrecision
from app.ml.runtime.quiet_openvino import openvino, ops

_conversion_lock = threading.Lock()
"""Held during a conversion, which filters warnings for the whole process."""

_PRECISIONS = {"fp32": "f32", "bf16": "bf16"}


class CompiledGraph:
    """A graph compiled for this CPU, batch normalisation folded into its convolutions.

    Each of num_callers has a stream of one thread; with fewer cores, callers wait for each other.
    The precision is always set, because OpenVINO's default depends on the processor.
    Source: OpenVINO, "Optimizing for Throughput" and "Precision control".
    """

    def __init__(self, graph: Any, precision: ResolvedPrecision, num_callers: int) -> None:
        """`graph` is the result of `convert`, or the bytes of a graph."""
        core = openvino.Core()
        if isinstance(graph, bytes):
            graph = core.read_model(graph)
            _fix_static_shapes(graph)
        self._compiled = core.compile_model(
            graph,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
                "NUM_STREAMS": num_callers,
                "INFERENCE_NUM_THREADS": num_callers,
                "ENABLE_CPU_PINNING": False,
            },
        )
        self._requests = threading.local()

    @property
    def num_streams(self) -> int:
        """Number of forward passes that run at a time."""
        return int(self._compiled.get_property("NUM_STREAMS"))

    def run(self, images: Tensor) -> list[Tensor]:
        """Return the outputs for a batch."""
        outputs = self._request().infer({0: images.contiguous().numpy()}, share_inputs=True)
        return [torch.from_numpy(output) for output in outputs.values()]

    def _request(self) -> Any:
        """Return this thread's infer request, which has buffers for one caller at a time."""
        if not hasattr(self._requests, "request"):
            self._requests.request = self._compiled.create_infer_request()
        return self._requests.request


def convert(network: nn.Module, example: Tensor) -> Any:
    """Convert a network in evaluation mode to an OpenVINO graph with a dynamic batch size.

    example: an input, [1, 3, height, width], of the type that the graph will get. Uses TorchScript
    because `torch.export` takes several times as long, and callers wait for it.
    """
    with _conversion_lock, warnings.catch_warnings(), _kept_log_level():
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
        warnings.filterwarnings("ignore", message="`torch.jit.trace")
        warnings.filterwarnings("ignore", message="Converting a tensor")
        try:
            with torch.no_grad():
                traced = torch.jit.trace(network, example, check_trace=False)  # type: ignore[no-untyped-call] # torch
            shape = openvino.PartialShape([-1, *example.shape[1:]])
            graph = openvino.convert_model(traced, example_input=example, input=[shape])
        finally:
            _clear_traces()
    _replace_ceil_pools(graph)
    return graph


@contextmanager
def _kept_log_level() -> Iterator[None]:
    """Keep the level of logs, which a conversion raises and a failed one does not lower again."""
    root = logging.getLogger()
    level, filters = root.level, list(root.filters)
    try:
        yield
    finally:
        root.setLevel(level)
        root.filters = filters


def _clear_traces() -> None:
    """Free what torch keeps of every traced network: three megabytes for a SqueezeNet.

    Nothing else in this process may use TorchScript. Source: torch's tests do the same
    (`torch.testing._internal.jit_utils.clear_class_registry`).
    """
    torch._C._jit_clear_class_registry()  # noqa: SLF001 - there is no public way
    torch.jit._recursive.concrete_type_store = torch.jit._recursive.ConcreteTypeStore()  # noqa: SLF001
    torch.jit._state._clear_class_state()  # noqa: SLF001


def _fix_static_shapes(graph: Any) -> None:
    """Give reshapes to a known shape this shape as a constant.

    The ONNX frontend (2026.4) reads the rank of a convolution's output from the output itself, to
    reshape the bias. If other operations use the batch size, it is then read there, too, and a
    convolution with two readers gets the bias of its first channel in all channels when it is
    quantized.
    """
    for one in graph.get_ops():
        if one.get_type_name() == "Reshape" and one.get_output_partial_shape(0).is_static:
            shape = list(one.get_output_shape(0))
            one.input(1).replace_source_output(ops.constant(shape, openvino.Type.i64).output(0))


def _replace_ceil_pools(graph: Any) -> None:
    """Replace max pools that round their output size up by padded ones that round it down.

    The output is the same. For the former, OpenVINO's CPU plugin (2026.4) would also compute and
    reorder the indices of the maxima, which nothing reads.
    """
    for pool in graph.get_ops():
        if pool.get_type_name() != "MaxPool":
            continue
        attributes = pool.get_attributes()
        if attributes["rounding_type"] != "ceil_torch":
            continue
        sizes = [_spatial_size(port) for port in (pool.input(0), pool.output(0))]
        begin, kernel, strides = (
            attributes["pads_begin"],
            attributes["kernel"],
            attributes["strides"],
        )
        end = [
            max((out - 1) * stride + width - before - size, 0)
            for size, out, stride, width, before in zip(*sizes, strides, kernel, begin, strict=True)
        ]
        same = ops.max_pool(
            pool.input_value(0),
            strides,
            attributes["dilations"],
            begin,
            end,
            kernel,
            "floor",
            "explicit",
        )
        pool.output(0).replace(same.output(0))


def _spatial_size(port: Any) -> list[int]:
    return [side.get_length() for side in list(port.get_partial_shape())[2:]]
