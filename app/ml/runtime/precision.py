"""Choose the floating-point type that the layers of a network compute in."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

import torch

from app.errors import InputProblem, ValidationFailed
from app.ml.recipe import Precision
from app.ml.runtime.depthwise import DepthwiseGradientsInFloat32

ResolvedPrecision = Literal["fp32", "bf16", "fp16"]

_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Linux's names of the CPU features for bfloat16 in hardware (x86 and Arm)."""

_FIRST_FAST_BF16 = (8, 0)
"""The CUDA compute capability (Ampere) from which bfloat16 is as fast as float16."""


def choose_precision(wanted: Precision, device: torch.device) -> ResolvedPrecision:
    """Resolve `auto` for a device: half precision where the hardware has it, else float32.

    Raises ValidationFailed for float16 on the CPU, where it is slower than float32.
    """
    if wanted == "auto":
        return _fastest(device)
    if wanted == "fp16" and device.type != "cuda":
        message = "`precision` is 'fp16', which only GPUs support; this device is a CPU."
        raise ValidationFailed(InputProblem(("precision",), message, ("auto", "bf16", "fp32")))
    return wanted


@contextmanager
def autocast(precision: ResolvedPrecision, device: torch.device) -> Iterator[None]:
    """Run a network's layers in a precision; its parameters stay float32.

    Where nothing is trained, disable gradients before: the context then costs less.
    """
    if precision == "fp32":
        yield
        return
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    with ExitStack() as stack:
        stack.enter_context(torch.autocast(device.type, dtype))
        if device.type == "cpu" and torch.is_grad_enabled():
            stack.enter_context(DepthwiseGradientsInFloat32())
        yield


def _fastest(device: torch.device) -> ResolvedPrecision:
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= _FIRST_FAST_BF16 else "fp16"
    return "bf16" if _BF16_FLAGS & _list_cpu_features() else "fp32"


def _list_cpu_features() -> set[str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return set(next(flags, "").split())
