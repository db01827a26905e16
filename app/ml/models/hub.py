"""The folders of hubs that libraries download pretrained weights to; imports no torch."""

import os
from pathlib import Path


def find_hub_dir() -> Path:
    """Return torch hub's download folder, by the same rules as torch."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    return Path(os.environ.get("TORCH_HOME", cache)).expanduser() / "hub" / "checkpoints"


def find_hugging_face_url() -> str:
    """Return the address of the Hugging Face hub, by the variable that its library reads."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def find_hugging_face_cache() -> Path:
    """Return the folder of the Hugging Face hub's downloads, by the same rules as its library."""
    if (cache := os.environ.get("HF_HUB_CACHE")) is not None:
        return Path(cache)
    home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    return Path(os.environ.get("HF_HOME", home)).expanduser() / "hub"
