"""Run frozen layers in OpenVINO, where that is faster than PyTorch."""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor, nn

from app.ml.runtime.precision import ResolvedPrecision
from worker.training.setup import TrainingContext

FrozenEngine = Literal["torch", "openvino"]

MIN_IMAGES = 500
"""Below so many images, converting the layers takes longer than it saves (docs/results.md)."""

_TOLERANCE = 1e-3
"""Largest difference to PyTorch's outputs, relative to the largest of them."""

log = logging.getLogger(__name__)


def choose_engine(
    device: torch.device, precision: ResolvedPrecision, num_images: int
) -> FrozenEngine:
    """Return the engine for frozen layers that run on this many images.

    Only float32 was compared, so other precisions stay in PyTorch.
    """
    is_faster = device.type == "cpu" and precision == "fp32" and num_images >= MIN_IMAGES
    return "openvino" if is_faster and find_spec("openvino") else "torch"


def speed_up(
    layers: nn.Module,
    context: TrainingContext,
    input_size: int,
    *,
    precision: ResolvedPrecision,
    num_images: int,
) -> tuple[Callable[[Tensor], Tensor], FrozenEngine]:
    """Return frozen layers in the engine that is faster for this many images, and its name."""
    if choose_engine(context.device, precision, num_images) == "openvino":
        count = context.progress.prepare("compiling the frozen layers", 1)
        compiled = compile_layers(layers, input_size, context.recipe.num_threads)
        count(1)
        if compiled is not None:
            return compiled, "openvino"
    return layers, "torch"


def compile_layers(
    layers: nn.Module, input_size: int, num_threads: int
) -> Callable[[Tensor], Tensor] | None:
    """Compile layers from images [batch, 3, input_size, input_size] to one output, all float32.

    num_threads threads may call the result at a time. Returns None, with a warning in the log,
    where the conversion fails or its outputs differ from PyTorch's.
    """
    from app.ml.runtime.openvino_graph import CompiledGraph, convert  # noqa: PLC0415 -- an extra

    random = torch.Generator().manual_seed(0)
    images = torch.randn(2, 3, input_size, input_size, generator=random)
    try:
        graph = CompiledGraph(convert(layers.eval(), images[:1]), "fp32", num_threads)
        (outputs,) = graph.run(images)
    except Exception as error:  # noqa: BLE001 -- the converter raises errors of many types
        log.warning("the frozen layers run in PyTorch, OpenVINO cannot convert them: %s", error)
        return None
    with torch.no_grad():
        expected = layers(images)
    difference = ((outputs - expected).abs().max() / expected.abs().max()).item()
    if not difference <= _TOLERANCE:
        log.warning("the frozen layers run in PyTorch, OpenVINO differs by %.1g", difference)
        return None
    return lambda batch: graph.run(batch)[0]
