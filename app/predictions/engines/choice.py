"""Choose the engine for this machine, and build it for a model."""

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
from app.predictions.engines.cuda_graphs import CudaGraphEngine
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
    """Return the engine; `auto` is OpenVINO on x86 CPUs where it is installed, else torch.

    Raises EngineUnavailable for an engine that is not installed or does not run on the device.
    """
    if wanted == "auto":
        on_x86 = device.type == "cpu" and platform.machine() in _X86
        return "openvino" if on_x86 and _is_installed("openvino") else "torch"
    if wanted != "torch" and device.type != "cpu":
        raise EngineUnavailable(
            f"The engine '{wanted}' runs only on the CPU, and the device is {device}; set "
            "GRAFT_PREDICT_ENGINE to auto or torch."
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
    """Return the function that builds an engine from a network or a quantized ONNX file.

    num_callers is the number of threads that call the engine at a time. gpu_batch_size is the
    number of images of several callers that a GPU runs together; None gives each caller its own
    forward passes. Imports the engine's runtime.

    Raises EngineUnavailable for a precision that the engine does not support, ValidationFailed as
    `choose_precision` does.
    """
    if name == "onnxruntime":
        if precision not in {"auto", "fp32"}:
            raise EngineUnavailable(
                f"The engine 'onnxruntime' computes in fp32 only, not in {precision}; "
                "set GRAFT_PREDICT_PRECISION to auto or fp32."
            )
        from app.predictions.engines.onnxruntime_engine import OnnxRuntimeEngine  # noqa: PLC0415

        return OnnxRuntimeEngine
    resolved = choose_precision(precision, device)
    if name == "openvino":
        from app.predictions.engines.openvino_engine import (  # noqa: PLC0415
            OpenVinoEngine,
            supports_bf16,
        )

        if resolved == "bf16" and not supports_bf16():  # OpenVINO would use fp32 silently
            if precision != "auto":
                raise EngineUnavailable(
                    "The engine 'openvino' does not compute in bf16 on this processor; "
                    "set GRAFT_PREDICT_PRECISION to auto or fp32."
                )
            resolved = "fp32"
        return lambda source: OpenVinoEngine(source, resolved, num_callers)

    def build_torch(source: ScoringNetwork | bytes) -> Engine:
        if isinstance(source, bytes):
            raise EngineUnavailable(
                "The engine 'torch' does not run int8 versions; install graft-server[openvino] or "
                "graft-server[onnx] and set GRAFT_PREDICT_ENGINE to openvino or onnxruntime."
            )
        engine = TorchEngine(source, device, resolved)
        if device.type != "cuda" or gpu_batch_size is None:
            return engine
        return BatchingEngine(CudaGraphEngine(engine, gpu_batch_size), gpu_batch_size)

    return build_torch


def _is_installed(name: EngineName) -> bool:
    return all(find_spec(module) is not None for module in _MODULES[name])
