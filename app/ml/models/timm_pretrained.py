"""Download timm's weights, and convert files to the tensors of timm's models."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from app.errors import EngineUnavailable, WeightsUnavailable
from app.ml.models import lite0_package
from app.ml.models.catalogue import ArchitectureSpec, WeightsSpec
from app.ml.models.construction import WithoutMemory, construct
from app.ml.models.hub import find_hugging_face_cache, find_hugging_face_url
from app.ml.models.timm_catalogue import INSTALL
from app.ml.models.timm_weights import HUB_FILES, Source

_MISFITS = (KeyError, RuntimeError, AttributeError, ValueError)
"""What timm raises for tensors of another model."""


def download(weights: WeightsSpec) -> Path:
    """Download the weights from the Hugging Face hub into its cache; returns the path.

    Raises OSError where the hub cannot be reached or does not have them.
    """
    try:
        from huggingface_hub import hf_hub_download  # noqa: PLC0415 - comes with timm
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise EngineUnavailable(
            f"The weights {weights.name} cannot be downloaded: {INSTALL}"
        ) from error
    if weights.hub_id is None:
        raise FileNotFoundError(f"timm names no repository of the weights {weights.name}")
    cache, url = find_hugging_face_cache(), find_hugging_face_url()
    for name in HUB_FILES:
        try:
            return Path(hf_hub_download(weights.hub_id, name, cache_dir=cache, endpoint=url))
        except EntryNotFoundError:
            continue
        except HfHubHTTPError as error:
            raise ConnectionError(str(error)) from error
    raise FileNotFoundError(f"{weights.hub_id} has none of the files {', '.join(HUB_FILES)}")


def convert(
    architecture: ArchitectureSpec,
    weights: WeightsSpec,
    tensors: Mapping[str, Tensor],
    source: Source,
) -> dict[str, Tensor]:
    """Return the tensors of timm's model from those of a file, converted as timm does it.

    The file may have a head of any number of classes, or none. Every other tensor must fit.
    Raises WeightsUnavailable where one does not.
    """
    try:
        if source == "package":
            with WithoutMemory():
                expected = construct(architecture.name).state_dict()
            return lite0_package.rename(tensors, expected)
        head = f"{architecture.heads[-1].name}.weight"
        if head in tensors:
            return _convert(architecture, weights, tensors, len(tensors[head]))
        try:
            return _convert(architecture, weights, tensors, weights.num_classes)
        except _MISFITS:
            return _convert(architecture, weights, tensors, 0)
    except _MISFITS as error:
        lines = " ".join(str(error).split())
        raise WeightsUnavailable(
            f"The file of weights does not fit {architecture.name}.{weights.name}: {lines[:400]}"
        ) from error


def _convert(
    architecture: ArchitectureSpec,
    weights: WeightsSpec,
    tensors: Mapping[str, Tensor],
    num_classes: int,
) -> dict[str, Tensor]:
    """Let timm load the tensors into its model, as strictly as it does its own files."""
    overlay = {"num_classes": num_classes, "custom_load": False, "state_dict": dict(tensors)}
    model = construct(
        architecture.name,
        num_classes=num_classes,
        pretrained=True,
        pretrained_cfg=weights.name,
        pretrained_cfg_overlay=overlay,
    )
    return dict(model.state_dict())
