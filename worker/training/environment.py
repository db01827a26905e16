"""Description of the environment of a run, which reproducing it needs beside its recipe."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from app.ml.models.pretrained import Provenance
from app.ml.runtime.precision import Numbers
from worker.training.config import TrainingConfig

_LIBRARIES = ("torchvision", "numpy", "pillow", "safetensors")


def describe_environment(
    config: TrainingConfig,
    device: torch.device,
    numbers: Numbers,
    weights: Provenance,
    num_processes: int,
) -> dict[str, Any]:
    """A JSON object: versions, machine, numbers, processes, threads, digests and the seed."""
    return {
        "libraries": {
            "torch": torch.__version__,
            "graft": version("graft-server"),
            **{name: version(name) for name in _LIBRARIES},
        },
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device.type,
        "device_name": _name_device(device),
        "instructions": _name_instructions(device),
        "precision": numbers,
        "num_processes": num_processes,
        "num_threads": config.recipe.num_threads,
        "seed": config.recipe.seed,
        "dataset_digest": config.dataset_digest,
        "weights": weights.model_dump(),
    }


def _name_instructions(device: torch.device) -> str:
    """What torch's kernels are compiled for here: another set adds numbers in another order."""
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return f"CUDA {torch.version.cuda}, compute capability {major}.{minor}"
    return torch.backends.cpu.get_cpu_capability()


def _name_device(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpu_info = Path("/proc/cpuinfo")
    lines = cpu_info.read_text().splitlines() if cpu_info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
