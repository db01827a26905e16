"""Describe the environment of a run; with the recipe, it lets others reproduce the run."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from worker.training.setup import TrainingSetup

_LIBRARIES = ("torchvision", "numpy", "pillow", "safetensors")


def describe_environment(setup: TrainingSetup) -> dict[str, Any]:
    """Return a JSON object: versions, machine, precision, processes, threads, digests and seed."""
    config, learner = setup.context.config, setup.learner
    device = learner.device
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
        "precision": learner.precision,
        "num_processes": learner.group.world_size,
        "num_threads": config.recipe.num_threads,
        "seed": config.recipe.seed,
        "dataset_digest": config.dataset_digest,
        "weights": setup.header.weights.model_dump(),
    }


def _name_instructions(device: torch.device) -> str:
    """Return the instruction set of torch's kernels, which determines the order of additions."""
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
