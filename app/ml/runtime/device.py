"""Choose the torch device for the name in a setting, and move models to it."""

import torch
from torch import nn

from app.errors import DeviceUnavailable

_NUM_IMAGE_DIMENSIONS = 4


def choose_device(name: str) -> torch.device:
    """Return the device for `auto`, `cpu` or `cuda`.

    Raises DeviceUnavailable for `cuda` without a CUDA device; the CPU never replaces it silently.
    """
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise DeviceUnavailable(
            "The device is 'cuda', but torch finds no CUDA device on this machine. Use 'auto' or "
            "'cpu', or check the GPU's driver."
        )
    return torch.device("cuda" if name != "cpu" and has_cuda else "cpu")


def move_to_device(model: nn.Module, device: torch.device) -> None:
    """Move a model; its convolutions' weights get the layout that is fast, with channels last.

    `Module.to` with a memory format fails for the five-dimensional weights of LambdaNetworks.
    """
    model.to(device)
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.ndim == _NUM_IMAGE_DIMENSIONS:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)
