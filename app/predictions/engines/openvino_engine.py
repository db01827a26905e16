"""OpenVINO as an engine: the fastest on x86 CPUs."""

import threading
import warnings
from typing import Any

import torch
from torch import Tensor

from app.ml.runtime.precision import ResolvedPrecision
from app.ml.runtime.quiet_openvino import openvino, ops
from app.ml.runtime.scoring import Scores, ScoringNetwork
from app.predictions.engines.engine import EngineName, EngineNumbers

_one_at_a_time = threading.Lock()
"""For conversions: warnings are filtered for the whole process meanwhile."""

_PRECISIONS = {"fp32": "f32", "bf16": "bf16"}


class OpenVinoEngine:
    """A scoring network compiled for this CPU, batch normalisation folded into its convolutions.

    Bytes are an ONNX graph of `app.ml.runtime.quantization`: int8, and `numbers` for the rest.
    A stream of one thread for each of num_callers, as far as there are cores: with fewer, callers
    wait for each other. The precision is always said, for the default depends on the processor.
    Source: OpenVINO, "Optimizing for Throughput" and "Precision control".
    """

    name: EngineName = "openvino"

    def __init__(
        self, source: ScoringNetwork | bytes, numbers: ResolvedPrecision, num_callers: int
    ) -> None:
        core = openvino.Core()
        if isinstance(source, bytes):
            model: Any = core.read_model(source)
            self.numbers: EngineNumbers = "int8"
            self.num_bytes = len(source)
        else:
            model = convert(source)
            self.numbers = numbers
            num_weights = sum(p.numel() for p in source.parameters())
            self.num_bytes = num_weights * (2 if numbers == "bf16" else 4)
        self._compiled = core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": _PRECISIONS[numbers],
                "NUM_STREAMS": num_callers,
                "INFERENCE_NUM_THREADS": num_callers,
                "ENABLE_CPU_PINNING": False,
            },
        )
        self._requests = threading.local()

    @property
    def num_streams(self) -> int:
        """How many forward passes run at a time."""
        return int(self._compiled.get_property("NUM_STREAMS"))

    def run(self, pixels: Tensor) -> Scores:
        outputs = self._request().infer({0: pixels.contiguous().numpy()}, share_inputs=True)
        return Scores(torch.from_numpy(outputs[0]), torch.from_numpy(outputs[1]))

    def _request(self) -> Any:
        """This thread's own; a request holds buffers and can answer one caller at a time."""
        if not hasattr(self._requests, "request"):
            self._requests.request = self._compiled.create_infer_request()
        return self._requests.request


def computes_in_bf16() -> bool:
    """Whether this processor multiplies bfloat16; elsewhere OpenVINO takes float32 instead."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def convert(network: ScoringNetwork) -> Any:
    """The network as OpenVINO's graph, for any number of images.

    By TorchScript: `torch.export` takes several times as long, and loading a model keeps callers
    waiting.
    """
    size = network.input_size
    example = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    with _one_at_a_time, warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
        warnings.filterwarnings("ignore", message="`torch.jit.trace")
        warnings.filterwarnings("ignore", message="Converting a tensor")
        try:
            with torch.no_grad():
                traced = torch.jit.trace(network.eval(), example, check_trace=False)  # type: ignore[no-untyped-call] # torch
            shape = openvino.PartialShape([-1, 3, size, size])
            graph = openvino.convert_model(traced, example_input=example, input=[shape])
        finally:
            _forget_traces()
    _drop_indices(graph)
    return graph


def _forget_traces() -> None:
    """Give back what torch keeps of every traced network for good, three megabytes of SqueezeNet.

    Nothing else in this process may use TorchScript. Source: what torch's own tests do after each
    other (`torch.testing._internal.jit_utils.clear_class_registry`).
    """
    torch._C._jit_clear_class_registry()  # noqa: SLF001 - there is no public way
    torch.jit._recursive.concrete_type_store = torch.jit._recursive.ConcreteTypeStore()  # noqa: SLF001
    torch.jit._state._clear_class_state()  # noqa: SLF001


def _drop_indices(graph: Any) -> None:
    """Let pools that round their size up, as torch does, round down over padding to the same size.

    The processor's plugin (2026.4) would have the former find, and reorder, the places of their
    maxima, too, which nobody reads.
    """
    for pool in graph.get_ops():
        if pool.get_type_name() != "MaxPool":
            continue
        said = pool.get_attributes()
        if said["rounding_type"] != "ceil_torch":
            continue
        sizes = [_spatial_size(port) for port in (pool.input(0), pool.output(0))]
        begin, kernel, strides = said["pads_begin"], said["kernel"], said["strides"]
        end = [
            max((out - 1) * stride + width - before - size, 0)
            for size, out, stride, width, before in zip(*sizes, strides, kernel, begin, strict=True)
        ]
        same = ops.max_pool(
            pool.input_value(0), strides, said["dilations"], begin, end, kernel, "floor", "explicit"
        )
        pool.output(0).replace(same.output(0))


def _spatial_size(port: Any) -> list[int]:
    return [side.get_length() for side in list(port.get_partial_shape())[2:]]
