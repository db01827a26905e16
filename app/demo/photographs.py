"""Find and download the tutorial's photographs, and find pretrained weights for the demo."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from app.ml.models.lite0_package import LITE0
from graft_client.schemas.models import Architecture

PHOTOGRAPHS_URL = "https://download.pytorch.org/tutorial/hymenoptera_data.zip"
"""Ants and bees, 47 MB; "Transfer Learning for Computer Vision Tutorial" (Chilamkurthy)."""

_PROBE_SECONDS = 3.0
_PREFERRED = (LITE0, "resnet18", "squeezenet1_0")


@dataclass(frozen=True)
class StartingPoint:
    """An architecture and the name of available pretrained weights for it."""

    architecture: str
    weights: str


def find_starting_point(architectures: Sequence[Architecture]) -> StartingPoint | None:
    """Return pretrained weights to start from; local weights are preferred to downloads."""
    ranked = sorted(
        architectures,
        key=lambda one: _PREFERRED.index(one.name) if one.name in _PREFERRED else len(_PREFERRED),
    )
    for wanted in ("local", "download"):
        for architecture in ranked:
            for weights in architecture.weights:
                if weights.availability == wanted:
                    return StartingPoint(architecture.name, weights.name)
    return None


def can_be_downloaded(url: str = PHOTOGRAPHS_URL) -> bool:
    """Return whether the photographs can be downloaded; waits only a few seconds."""
    try:
        return httpx.head(url, timeout=_PROBE_SECONDS, follow_redirects=True).is_success
    except httpx.TransportError:
        return False


def download(folder: Path, url: str = PHOTOGRAPHS_URL) -> Path:
    """Download the photographs unless the folder has them; raises httpx.HTTPError."""
    path = folder / Path(urlsplit(url).path).name
    if path.is_file():
        return path
    part = path.with_suffix(".part")
    with httpx.stream("GET", url, follow_redirects=True, timeout=30) as response:
        response.raise_for_status()
        with part.open("wb") as file:
            for block in response.iter_bytes():
                file.write(block)
    return part.replace(path)
