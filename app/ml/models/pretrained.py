"""Load pretrained weights, verify them, and record their provenance."""

import hashlib
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.error import URLError

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from torch import Tensor

from app.errors import WeightsUnavailable
from app.ml.models import timm_pretrained, timm_weights
from app.ml.models.catalogue import ArchitectureSpec, WeightsSpec
from app.ml.models.hub import find_hub_dir
from app.ml.models.weights import explain_missing, find_local

# The DenseNet files of old torchvision versions spell `norm.1` where the model uses `norm1`.
_OLD_DENSENET_KEY = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
# GoogLeNet's file contains auxiliary heads that were never trained; torchvision drops them as well.
_UNTRAINED = {"googlenet": ("aux1.", "aux2.")}


class Provenance(BaseModel):
    """The origin of a model's weights; name is a published name, a model reference, or `none`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["local", "package", "hub", "model", "none"]
    name: str
    digest: str | None
    """sha256 of the file, in hex."""


@dataclass(frozen=True)
class Pretrained:
    """Tensors of an architecture by torchvision's parameter names, and their provenance."""

    state_dict: dict[str, Tensor]
    provenance: Provenance


def load_pretrained(
    architecture: ArchitectureSpec,
    weights_name: str,
    *,
    weights_dir: Path | None,
    download_allowed: bool,
    arguments: Mapping[str, int] = MappingProxyType({}),
) -> Pretrained:
    """Read the weights from this machine; download them first where necessary.

    arguments: those that the model is built with. Raises WeightsUnavailable if the weights are
    neither stored nor downloadable, or are damaged.
    """
    weights = architecture.get_weights(weights_name)
    if architecture.is_of_timm:
        return _load_from_timm(architecture, weights, weights_dir, download_allowed, arguments)
    path = find_local(architecture, weights_name, weights_dir)
    if path is None:
        if not download_allowed:
            raise WeightsUnavailable(explain_missing(architecture, weights_name, download_allowed))
        path = _download(architecture, weights)
    digest = _hash(path)
    if not (path.suffix == ".safetensors" or digest.startswith(weights.sha256_prefix)):
        raise WeightsUnavailable(
            f"The file '{path.name}' is damaged: its sha256 is {digest}; by its name it "
            f"must begin with {weights.sha256_prefix}. Replace the file with the published one."
        )
    state_dict = {
        _OLD_DENSENET_KEY.sub(r"\1\2", key): tensor
        for key, tensor in _read(path).items()
        if not key.startswith(_UNTRAINED.get(architecture.name, ()))
    }
    source: Literal["local", "hub"] = "hub" if path.parent == find_hub_dir() else "local"
    return Pretrained(state_dict, Provenance(source=source, name=weights.name, digest=digest))


def _load_from_timm(
    architecture: ArchitectureSpec,
    weights: WeightsSpec,
    weights_dir: Path | None,
    download_allowed: bool,
    arguments: Mapping[str, int],
) -> Pretrained:
    found = timm_weights.find_local(architecture, weights, weights_dir)
    if found is None:
        if not download_allowed:
            raise WeightsUnavailable(explain_missing(architecture, weights.name, download_allowed))
        try:
            path = timm_pretrained.download(weights)
        except OSError as error:
            message = explain_missing(architecture, weights.name, download_allowed)
            raise WeightsUnavailable(message) from error
        found = timm_weights.WeightsFile(path, "hub")
    tensors = timm_pretrained.convert(
        architecture, weights, _read(found.path), found.source, arguments
    )
    digest = _hash(found.path)
    return Pretrained(tensors, Provenance(source=found.source, name=weights.name, digest=digest))


def _download(architecture: ArchitectureSpec, weights: WeightsSpec) -> Path:
    path = find_hub_dir() / weights.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(
            weights.url, str(path), hash_prefix=weights.sha256_prefix, progress=False
        )
    except (URLError, TimeoutError, RuntimeError) as error:
        message = explain_missing(architecture, weights.name, download_allowed=True)
        raise WeightsUnavailable(message) from error
    return path


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> dict[str, Tensor]:
    """Read a file of weights; raises WeightsUnavailable for a file that is none."""
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state_dict: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise WeightsUnavailable(
            f"The file '{path.name}' cannot be read as weights. Replace it with the published file."
        ) from error
    return state_dict
