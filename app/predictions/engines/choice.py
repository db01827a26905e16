"""Which engine runs models on this machine, and a model made ready for it."""

import platform
from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal

import torch

from app.errors import EngineUnavailable
from app.ml.recipe import Precision
from app.ml.runtime.precision import choose_precision
from app.ml.runtime.scoring import ScoringNetwork
from app.predictions.engines.batching import BatchingEngine
from app.predictions.engines.cuda_graphs import GraphedEngine
from app.predictions.engines.engine import Engine, EngineName
from app.predictions.engines.torch_engine import TorchEngine

_MODULES: dict[EngineName, tuple[str, ...]] = {
    "torch": (),
    "openvino": ("openvino",),
    "onnxruntime": ("onnxruntime", "onnx", "onnxscript"),
}
_EXTRAS = {"openvino": "openvino", "onnxruntime": "onnx"}
_X86 = {"x86_64", "AMD64"}

EngineBuilder = Callable[[ScoringNetwork | bytes], Engine]


def choose_engine(wanted: EngineName | Literal["auto"], device: torch.device) -> EngineName:
    """What `auto` means here: OpenVINO on x86 CPUs where it is installed, else torch.

    Raises EngineUnavailable for an engine that is not installed or does not run on the device.
    """
    if wanted == "auto":
        on_x86 = device.type == "cpu" and platform.machine() in _X86
        return "openvino" if on_x86 and _is_installed("openvino") else "torch"
    if wanted != "torch" and device.type != "cpu":
        raise EngineUnavailable(
            f"The engine '{wanted}' runs on the CPU; for {device} take 'torch'."
        )
    if not _is_installed(wanted):
        raise EngineUnavailable(
            f"The engine '{wanted}' is not installed; install graft-server[{_EXTRAS[wanted]}], "
            "or set GRAFT_PREDICT_ENGINE=auto."
        )
    return wanted


def make_builder(
    name: EngineName,
    device: torch.device,
    precision: Precision,
    *,
    num_callers: int = 1,
    gpu_batch_size: int | None = None,
) -> EngineBuilder:
    """What makes a network, or a quantised file, ready for an engine; imports its runtime.

    num_callers is how many threads will call it at a time without waiting for each other;
    gpu_batch_size is how many images of several callers a GPU takes together, None where each
    caller is to have forward passes of its own.

    Raises EngineUnavailable for numbers that the engine does not compute in, ValidationFailed as
    `choose_precision` does.
    """
    if name == "onnxruntime":
        if precision not in {"auto", "fp32"}:
            raise EngineUnavailable(
                f"The engine 'onnxruntime' computes in fp32, not in {precision}; "
                "set GRAFT_PREDICT_PRECISION to auto or fp32."
            )
        from app.predictions.engines.onnxruntime_engine import OnnxRuntimeEngine  # noqa: PLC0415

        return OnnxRuntimeEngine
    numbers = choose_precision(precision, device)
    if name == "openvino":
        from app.predictions.engines.openvino_engine import (  # noqa: PLC0415
            OpenVinoEngine,
            computes_in_bf16,
        )

        if numbers == "bf16" and not computes_in_bf16():  # it would take fp32 without a word
            if precision != "auto":
                raise EngineUnavailable(
                    "The engine 'openvino' does not compute in bf16 on this processor; "
                    "set GRAFT_PREDICT_PRECISION to auto or fp32."
                )
            numbers = "fp32"
        return lambda source: OpenVinoEngine(source, numbers, num_callers)

    def build_torch(source: ScoringNetwork | bytes) -> Engine:
        if isinstance(source, bytes):
            raise EngineUnavailable(
                "The engine 'torch' does not run int8 versions; install graft-server[openvino] or "
                "graft-server[onnx] and set GRAFT_PREDICT_ENGINE to openvino or onnxruntime."
            )
        engine = TorchEngine(source, device, numbers)
        if device.type != "cuda" or gpu_batch_size is None:
            return engine
        return BatchingEngine(GraphedEngine(engine, gpu_batch_size), gpu_batch_size)

    return build_torch


def _is_installed(name: EngineName) -> bool:
    return all(find_spec(module) is not None for module in _MODULES[name])
