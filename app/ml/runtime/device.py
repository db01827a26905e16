"""The device that a setting means on this machine."""

import torch

from app.errors import DeviceUnavailable


def choose_device(name: str) -> torch.device:
    """The device that `auto`, `cpu` or `cuda` means here.

    Raises DeviceUnavailable where CUDA was asked for and is not there: never the CPU instead.
    """
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise DeviceUnavailable("CUDA was asked for, but no CUDA device can be used here.")
    return torch.device("cuda" if name != "cpu" and has_cuda else "cpu")
