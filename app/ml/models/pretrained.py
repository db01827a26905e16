"""Load pretrained weights, checked, with a note of where they came from."""

import hashlib
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.error import URLError

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from torch import Tensor

from app.errors import WeightsUnavailable
from app.ml.models.catalogue import Entry, WeightsEntry
from app.ml.models.weights import explain_missing, find_hub_dir, find_local

# The oldest DenseNet file spells `norm.1` where the model says `norm1`.
_OLD_DENSENET_KEY = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
# GoogLeNet's file brings auxiliary heads that were never trained; torchvision drops them as well.
_UNTRAINED = {"googlenet": ("aux1.", "aux2.")}


class Provenance(BaseModel):
    """Where a model's weights began: name is an entry's, a model reference, or `none`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["local", "hub", "model", "none"]
    name: str
    digest: str | None
    """sha256 of the file, in hex."""


@dataclass(frozen=True)
class Pretrained:
    """Tensors of an architecture by torchvision's parameter names, and their provenance."""

    state_dict: dict[str, Tensor]
    provenance: Provenance


def load_pretrained(
    entry: Entry, weights_name: str, *, weights_dir: Path | None, download_allowed: bool
) -> Pretrained:
    """Read the weights from this machine, downloading them first where that is needed.

    Raises WeightsUnavailable where they cannot be had, or are not what their name promises.
    """
    weights = entry.get_weights(weights_name)
    path = find_local(entry, weights_name, weights_dir)
    if path is None:
        if not download_allowed:
            raise WeightsUnavailable(explain_missing(entry, weights_name, download_allowed))
        path = _download(entry, weights)
    digest = _hash(path)
    is_safetensors = path.suffix == ".safetensors"
    if not (is_safetensors or digest.startswith(weights.sha256_prefix)):
        raise WeightsUnavailable(
            f"The file '{path.name}' is damaged: its sha256 does not begin as its name says."
        )
    try:
        state_dict = safetensors.torch.load_file(path) if is_safetensors else _read_pickled(path)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise WeightsUnavailable(f"The file '{path.name}' cannot be read as weights.") from error
    state_dict = {
        key: tensor
        for key, tensor in state_dict.items()
        if not key.startswith(_UNTRAINED.get(entry.name, ()))
    }
    source: Literal["local", "hub"] = "hub" if path.parent == find_hub_dir() else "local"
    return Pretrained(state_dict, Provenance(source=source, name=weights.name, digest=digest))


def _download(entry: Entry, weights: WeightsEntry) -> Path:
    path = find_hub_dir() / weights.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(
            weights.url, str(path), hash_prefix=weights.sha256_prefix, progress=False
        )
    except (URLError, TimeoutError, RuntimeError) as error:
        message = explain_missing(entry, weights.name, download_allowed=True)
        raise WeightsUnavailable(message) from error
    return path


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_pickled(path: Path) -> dict[str, Tensor]:
    state_dict = torch.load(path, map_location="cpu", weights_only=True)
    return {_OLD_DENSENET_KEY.sub(r"\1\2", key): value for key, value in state_dict.items()}
