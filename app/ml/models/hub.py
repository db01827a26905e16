"""The folder of torch hub, which torchvision downloads pretrained weights to; imports no torch."""

import os
from pathlib import Path


def find_hub_dir() -> Path:
    """Return torch hub's download folder, by the same rules as torch."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    return Path(os.environ.get("TORCH_HOME", cache)).expanduser() / "hub" / "checkpoints"
