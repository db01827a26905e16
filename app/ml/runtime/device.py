"""Choose the torch device for the name in a setting."""

import torch

from app.errors import DeviceUnavailable


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
