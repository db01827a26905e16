"""Download timm's weights, and convert files to the tensors of timm's models."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from app.errors import EngineUnavailable, WeightsUnavailable
from app.ml.models import lite0_package
from app.ml.models.catalogue import NUM_IMAGENET_CLASSES, ArchitectureSpec, WeightsSpec
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
    arguments: Mapping[str, int],
) -> dict[str, Tensor]:
    """Return the tensors of timm's model from those of a file, converted as timm does it.

    The file may have a head of any number of classes, or none. Every other tensor must fit, or be
    resampled by timm for the size among the arguments. Raises WeightsUnavailable where one does
    not.
    """
    name = architecture.name

    def load(num_classes: int) -> dict[str, Tensor]:
        model = construct_from(name, tensors, weights.name, num_classes=num_classes, **arguments)
        return dict(model.state_dict())

    try:
        if source == "package":
            with WithoutMemory():
                expected = construct(name).state_dict()
            return lite0_package.rename(tensors, expected)
        head = f"{architecture.heads[-1].name}.weight"
        if head in tensors:
            return load(len(tensors[head]))
        try:
            return load(weights.num_classes)
        except _MISFITS:
            return load(0)
    except _MISFITS as error:
        lines = " ".join(str(error).split())
        raise WeightsUnavailable(
            f"The file of weights does not fit {name}.{weights.name}: {lines[:400]}"
        ) from error


def resample(
    architecture: ArchitectureSpec, tensors: Mapping[str, Tensor], arguments: Mapping[str, int]
) -> dict[str, Tensor]:
    """Return a model's tensors for the input size among the arguments; its head stays as it is."""
    num_classes = len(tensors[f"{architecture.heads[-1].name}.weight"])
    model = construct_from(architecture.name, tensors, None, num_classes=num_classes, **arguments)
    return dict(model.state_dict())


def construct_from(
    name: str, tensors: Mapping[str, Tensor], tag: str | None, **arguments: int
) -> nn.Module:
    """Let timm load tensors into its model, as strictly as it does its own files.

    Positions are resampled where the tensors are those of another input size. tag: the weights
    whose description timm follows, None for the architecture's default. Raises KeyError,
    RuntimeError, AttributeError or ValueError for tensors of another model.
    """
    num_classes = arguments.get("num_classes", NUM_IMAGENET_CLASSES)
    return construct(
        name,
        **arguments,
        pretrained=True,
        pretrained_cfg=tag,
        pretrained_cfg_overlay={
            "num_classes": num_classes,
            "custom_load": False,
            "state_dict": dict(tensors),
        },
    )
