"""The numbers a network computes in."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Literal

import torch

from app.errors import InputProblem, ValidationFailed
from app.ml.recipe import Precision

Numbers = Literal["fp32", "bf16", "fp16"]

_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""Features of a CPU that multiply bfloat16 in hardware, as Linux names them (x86 and Arm)."""

_FIRST_FAST_BF16 = (8, 0)
"""CUDA's compute capability (Ampere) from which bfloat16 is as fast as float16."""


def choose_precision(wanted: Precision, device: torch.device) -> Numbers:
    """What `auto` means on a device: half precision where its hardware has it.

    Raises ValidationFailed for float16 on the CPU, where it would be slower than float32.
    """
    if wanted == "auto":
        return _fastest(device)
    if wanted == "fp16" and device.type != "cuda":
        message = "float16 is for GPUs."
        raise ValidationFailed(InputProblem(("precision",), message, ("auto", "bf16", "fp32")))
    return wanted


def autocast(numbers: Numbers, device: torch.device) -> AbstractContextManager[object]:
    """The context in which a network's layers run; its parameters stay float32."""
    if numbers == "fp32":
        return nullcontext()
    dtype = torch.bfloat16 if numbers == "bf16" else torch.float16
    return torch.autocast(device.type, dtype)


def _fastest(device: torch.device) -> Numbers:
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= _FIRST_FAST_BF16 else "fp16"
    return "bf16" if _BF16_FLAGS & _list_cpu_features() else "fp32"


def _list_cpu_features() -> set[str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    flags = (line.partition(":")[2] for line in lines if line.startswith(("flags", "Features")))
    return set(next(flags, "").split())
