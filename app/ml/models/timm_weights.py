"""Find the weights of timm's architectures on this machine; imports neither timm nor torch.

Search order: `timm/<name>.<weights>.safetensors` in GRAFT_WEIGHTS_DIR, for the default weights also
`timm/<name>.safetensors`, an installed package with the weights, the cache of the Hugging Face hub,
the hub itself.
"""

from pathlib import Path
from typing import Literal, NamedTuple

from app.ml.models.catalogue import ArchitectureSpec, WeightsSpec
from app.ml.models.hub import find_hugging_face_cache, find_hugging_face_url
from app.ml.models.lite0_package import LITE0, find_package_file
from app.ml.models.timm_catalogue import PREFIX

Source = Literal["local", "package", "hub"]

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""The names of weights in the hub's repositories; the first that exists is used."""


class WeightsFile(NamedTuple):
    """A file of weights on this machine and where it came from."""

    path: Path
    source: Source


def find_local(
    architecture: ArchitectureSpec, weights: WeightsSpec, weights_dir: Path | None
) -> WeightsFile | None:
    """Find the file of these weights on this machine by name."""
    for name in list_file_names(architecture, weights) if weights_dir is not None else ():
        if (path := Path(weights_dir or "", name)).is_file():
            return WeightsFile(path, "local")
    if architecture.name == LITE0 and weights.is_default and (packaged := find_package_file()):
        return WeightsFile(packaged, "package")
    cached = _find_cached(weights.hub_id) if weights.hub_id is not None else None
    return WeightsFile(cached, "hub") if cached is not None else None


def list_file_names(architecture: ArchitectureSpec, weights: WeightsSpec) -> list[str]:
    """List the names that the weights may have in GRAFT_WEIGHTS_DIR, the preferred first."""
    name = architecture.name.removeprefix(PREFIX)
    default = [f"timm/{name}.safetensors"] if weights.is_default else []
    return [*default, f"timm/{name}.{weights.name}.safetensors"]


def list_urls(weights: WeightsSpec) -> list[str]:
    """List the URLs of the hub's files that hold the weights; one of them exists."""
    if weights.hub_id is None:
        return []
    return [f"{find_hugging_face_url()}/{weights.hub_id}/resolve/main/{name}" for name in HUB_FILES]


def _find_cached(hub_id: str) -> Path | None:
    """Find the weights in the folder where huggingface_hub stores downloads."""
    repository = find_hugging_face_cache() / f"models--{hub_id.replace('/', '--')}"
    try:
        revision = (repository / "refs" / "main").read_text(encoding="ascii").strip()
    except OSError:
        return None
    paths = (repository / "snapshots" / revision / name for name in HUB_FILES)
    return next((path for path in paths if path.is_file()), None)
