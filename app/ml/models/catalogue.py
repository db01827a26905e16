"""The catalogue of torchvision's classification architectures, read without building any.

`app.ml.models.catalogue_generator` writes `catalogue.json` from torchvision, so that processes
that never import torch can check requests and count parameters.
"""

from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, TypeAdapter

from app.errors import InputProblem, ValidationFailed
from app.ml.recipe import Strategy
from app.web.suggestions import suggest

Interpolation = Literal["bilinear", "bicubic"]

CATALOGUE_PATH = Path(__file__).with_name("catalogue.json")
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Layer(_Part):
    """A layer of the trunk that `trainable_from` may name; counted without any head inside it."""

    name: str
    num_parameters: int


class Head(_Part):
    """A layer that gives one score a class: linear, or a 1x1 convolution over in_features maps.

    is_rectified: its scores pass through a ReLU, as SqueezeNet's do.
    """

    name: str
    in_features: int
    is_rectified: bool = False

    def num_parameters(self, num_classes: int) -> int:
        """Weights and biases of a new head for so many classes."""
        return (self.in_features + 1) * num_classes


class WeightsEntry(_Part):
    """Pretrained weights that torchvision publishes, and the preprocessing they expect.

    imagenet_accuracy: share of ImageNet's validation images whose first guess is right, in 0..1.
    gflops: billions of multiply-adds of one image's forward pass at crop_size.
    """

    name: str
    is_default: bool = False
    url: str
    imagenet_accuracy: float
    gflops: float
    resize_size: int
    crop_size: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: Interpolation = "bilinear"

    @property
    def file_name(self) -> str:
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def sha256_prefix(self) -> str:
        """Return the first hex digits of the file's sha256, which are part of its name."""
        return PurePosixPath(self.file_name).stem.rpartition("-")[2]


class Entry(_Part):
    """One architecture.

    Sizes are pixels of a square input. min_input_size is the smallest that trains with batches of
    two or more; a batch of one needs min_input_size_batch_of_one, for BatchNorm wants more than one
    value a channel. With fixed_input_size no other size than input_size will do, be it larger or
    smaller (ViT's position embeddings, MaxViT's grid). num_parameters is that of torchvision's own
    model with 1000 classes, num_trunk_parameters leaves its heads out; some of the trunk may lie
    outside every layer (ViT's class token).
    """

    name: str
    aliases: tuple[str, ...] = ()
    input_size: int
    fixed_input_size: bool = False
    min_input_size: int
    min_input_size_batch_of_one: int
    num_parameters: int
    num_trunk_parameters: int
    layers: tuple[Layer, ...]
    heads: tuple[Head, ...]
    weights: tuple[WeightsEntry, ...]

    def get_min_input_size(self, batch_size: int) -> int:
        """The smallest input that can be trained in batches of this size."""
        return self.min_input_size if batch_size > 1 else self.min_input_size_batch_of_one

    def check_input_size(self, size: int, batch_size: int) -> None:
        """Raise ValidationFailed, with what is allowed, unless this size can be trained."""
        smallest = self.get_min_input_size(batch_size)
        if self.fixed_input_size and size != self.input_size:
            message = f"{self.name} takes images of {self.input_size} pixels alone."
            allowed = str(self.input_size)
        elif size < smallest:
            message = (
                f"{self.name} cannot learn from images smaller than {smallest} pixels "
                f"in batches of {batch_size}."
            )
            allowed = f">= {smallest}"
        else:
            return
        raise ValidationFailed(InputProblem(("input_size",), message, (allowed,)))

    def get_weights(self, name: str) -> WeightsEntry:
        """The weights entry of this name; `imagenet` means the default.

        Raises ValidationFailed, with the names most like it.
        """
        for weights in self.weights:
            if name == weights.name or (name == "imagenet" and weights.is_default):
                return weights
        names = [weights.name for weights in self.weights]
        raise _unknown("weights", name, ["imagenet", "none", *names])

    def list_trainable_layers(self, trainable_from: str) -> tuple[Layer, ...]:
        """The trunk's layers from this one to the end, in the order of the forward pass.

        Raises ValidationFailed, listing the layers there are.
        """
        names = [layer.name for layer in self.layers]
        if trainable_from not in names:
            message = f"There is no layer '{trainable_from}' in {self.name}."
            raise ValidationFailed(InputProblem(("trainable_from",), message, tuple(names)))
        return self.layers[names.index(trainable_from) :]


def list_entries() -> tuple[Entry, ...]:
    """Every architecture: the tutorials' six, then the others in alphabetical order."""
    return _read_catalogue()


def get_entry(name: str) -> Entry:
    """The architecture of this torchvision name or tutorial alias.

    Raises ValidationFailed, with the names most like it.
    """
    for entry in _read_catalogue():
        if name == entry.name or name in entry.aliases:
            return entry
    raise _unknown("architecture", name, [entry.name for entry in _read_catalogue()])


def num_parameters(entry: Entry, num_classes: int) -> int:
    """Parameters of the whole model with new heads for so many classes."""
    return entry.num_trunk_parameters + _num_head_parameters(entry, num_classes)


def num_trainable_parameters(
    entry: Entry, strategy: Strategy, trainable_from: str | None, num_classes: int
) -> int:
    """Parameters that an optimizer would be given.

    Raises ValidationFailed where a partial strategy names no layer, or one that is not there.
    """
    if strategy in {"fine_tune", "scratch"}:
        return num_parameters(entry, num_classes)
    trunk = entry.list_trainable_layers(trainable_from or "") if strategy == "partial" else ()
    return sum(layer.num_parameters for layer in trunk) + _num_head_parameters(entry, num_classes)


def _num_head_parameters(entry: Entry, num_classes: int) -> int:
    return sum(head.num_parameters(num_classes) for head in entry.heads)


def _unknown(field: str, name: str, names: list[str]) -> ValidationFailed:
    told, allowed = suggest(name, names, listed_at="GET /architectures")
    message = f"There is no {field} '{name}'; {told}"
    return ValidationFailed(InputProblem((field,), message, allowed))


@cache
def _read_catalogue() -> tuple[Entry, ...]:
    return TypeAdapter(tuple[Entry, ...]).validate_json(CATALOGUE_PATH.read_bytes())
