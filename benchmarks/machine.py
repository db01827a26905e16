"""The machine that figures were measured on, and where the shared photographs and weights are."""

import os
import platform
from pathlib import Path

import torch
import torchvision


def describe_machine() -> str:
    """Processor, cores and library versions in a line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    flags = Path("/proc/cpuinfo").read_text()
    capability = ", AVX-512 bf16" if "avx512_bf16" in flags else ""
    capability += ", AMX" if "amx_bf16" in flags else ""
    num_cores = len(os.sched_getaffinity(0))
    return (
        f"{num_cores} cores of {model}{capability}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    )


def find_shared_dir() -> Path:
    """The folder of `data/hymenoptera_data.zip` and `weights/`: GRAFT_SHARED_DIR or ../shared."""
    default = Path(__file__).parents[2] / "shared"
    return Path(os.environ.get("GRAFT_SHARED_DIR", default))
