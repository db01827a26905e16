"""Describe the machine, and find the folder of the shared photographs and weights."""

import os
import platform
from pathlib import Path

import torch
import torchvision


def describe_machine() -> str:
    """Describe processor, cores and library versions in one line."""
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
    """Return the folder of `data/hymenoptera_data.zip` and `weights/`.

    It is GRAFT_SHARED_DIR, or ../shared if that variable is not set.
    """
    default = Path(__file__).parents[2] / "shared"
    return Path(os.environ.get("GRAFT_SHARED_DIR", default))
