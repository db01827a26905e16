"""Name the device that a worker computes on, without torch or a CUDA context."""

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version

import pynvml

from app.settings import Settings, find_visible_gpus


def name_device(settings: Settings) -> str | None:
    """Return `cpu` or the name of the GPUs; None if a GPU is required and none is found."""
    names = [] if settings.device == "cpu" else _list_gpus(find_visible_gpus())
    if names:
        counts = Counter(names)
        return ", ".join(
            name if count == 1 else f"{count}x {name}" for name, count in counts.items()
        )
    return None if settings.device == "cuda" else "cpu"


def _list_gpus(visible: Sequence[str] | None) -> list[str]:
    """Return the names of the GPUs that torch can use; visible are their numbers or ids."""
    if version("torch").endswith("+cpu"):
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        names = []
        for number in range(pynvml.nvmlDeviceGetCount()):
            device = pynvml.nvmlDeviceGetHandleByIndex(number)
            ids = {str(number), pynvml.nvmlDeviceGetUUID(device)}
            if visible is None or ids & set(visible):
                names.append(str(pynvml.nvmlDeviceGetName(device)))
    except pynvml.NVMLError:
        return []  # a failing driver must not stop the worker
    else:
        return names
    finally:
        pynvml.nvmlShutdown()
