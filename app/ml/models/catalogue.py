"""Read the catalogue of torchvision's classification architectures from `catalogue.json`.

`app.ml.models.catalogue_generator` writes the file from torchvision, so that processes without
torch can check requests and count parameters.
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


class _CatalogueModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LayerSpec(_CatalogueModel):
    """A layer of the backbone that `trainable_from` may name.

    num_parameters does not include a head inside the layer.
    """

    name: str
    num_parameters: int


class HeadSpec(_CatalogueModel):
    """A layer that computes one score per class: linear, or a 1x1 convolution on in_features maps.

    is_rectified: a ReLU follows the layer (SqueezeNet).
    """

    name: str
    in_features: int
    is_rectified: bool = False

    def num_parameters(self, num_classes: int) -> int:
        """Count the weights and biases of a new head."""
        return (self.in_features + 1) * num_classes


class WeightsSpec(_CatalogueModel):
    """Pretrained weights that torchvision publishes, and the preprocessing they expect.

    imagenet_accuracy: top-1 accuracy on ImageNet's validation images, 0 to 1.
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


class ArchitectureSpec(_CatalogueModel):
    """The input sizes, parameter counts, layers and published weights of one architecture.

    Sizes are pixels of a square input. min_input_size is the smallest size for training with
    batches of two or more; a batch of one needs min_input_size_batch_of_one, because BatchNorm
    needs more than one value per channel. With fixed_input_size only input_size works (ViT's
    position embeddings, MaxViT's grid). num_parameters counts torchvision's own model with 1000
    classes; num_backbone_parameters counts it without its heads. A parameter of the backbone may
    be outside every layer (ViT's class token).
    """

    name: str
    aliases: tuple[str, ...] = ()
    input_size: int
    fixed_input_size: bool = False
    min_input_size: int
    min_input_size_batch_of_one: int
    num_parameters: int
    num_backbone_parameters: int
    layers: tuple[LayerSpec, ...]
    heads: tuple[HeadSpec, ...]
    weights: tuple[WeightsSpec, ...]

    def get_min_input_size(self, batch_size: int) -> int:
        """Return the smallest input size that can be trained in batches of this size."""
        return self.min_input_size if batch_size > 1 else self.min_input_size_batch_of_one

    def check_input_size(self, size: int, batch_size: int) -> None:
        """Raise ValidationFailed unless this input size can be trained with this batch size."""
        smallest = self.get_min_input_size(batch_size)
        if self.fixed_input_size and size != self.input_size:
            message = f"`input_size` is {size}; {self.name} needs exactly {self.input_size} pixels."
            allowed = str(self.input_size)
        elif size < smallest:
            message = (
                f"`input_size` is {size}; with batches of {batch_size}, {self.name} needs at least "
                f"{smallest} pixels."
            )
            allowed = f">= {smallest}"
        else:
            return
        raise ValidationFailed(InputProblem(("input_size",), message, (allowed,)))

    def get_weights(self, name: str) -> WeightsSpec:
        """Return the weights of this name; `imagenet` means the default.

        Raises ValidationFailed, with the most similar names, for an unknown name.
        """
        for weights in self.weights:
            if name == weights.name or (name == "imagenet" and weights.is_default):
                return weights
        names = [weights.name for weights in self.weights]
        raise _unknown("weights", name, ["imagenet", "none", *names])

    def list_trainable_layers(self, trainable_from: str) -> tuple[LayerSpec, ...]:
        """List the backbone's layers from this one to the last, in the order of the forward pass.

        Raises ValidationFailed, with the names of all layers, for an unknown layer.
        """
        names = [layer.name for layer in self.layers]
        if trainable_from not in names:
            message = f"`trainable_from` is '{trainable_from}'; {self.name} has no such layer."
            raise ValidationFailed(InputProblem(("trainable_from",), message, tuple(names)))
        return self.layers[names.index(trainable_from) :]


def list_architectures() -> tuple[ArchitectureSpec, ...]:
    """List all architectures: the six of the tutorials, then the others in alphabetical order."""
    return _read_catalogue()


def get_architecture(name: str) -> ArchitectureSpec:
    """Return the architecture of this torchvision name or tutorial alias.

    Raises ValidationFailed, with the most similar names, for an unknown name.
    """
    for architecture in _read_catalogue():
        if name == architecture.name or name in architecture.aliases:
            return architecture
    raise _unknown("architecture", name, [architecture.name for architecture in _read_catalogue()])


def num_parameters(architecture: ArchitectureSpec, num_classes: int) -> int:
    """Count the parameters of the whole model with new heads."""
    return architecture.num_backbone_parameters + _num_head_parameters(architecture, num_classes)


def num_trainable_parameters(
    architecture: ArchitectureSpec, strategy: Strategy, trainable_from: str | None, num_classes: int
) -> int:
    """Count the parameters that a strategy trains.

    Raises ValidationFailed where `partial` names no layer or an unknown layer.
    """
    if strategy in {"fine_tune", "scratch"}:
        return num_parameters(architecture, num_classes)
    backbone = (
        architecture.list_trainable_layers(trainable_from or "") if strategy == "partial" else ()
    )
    return sum(layer.num_parameters for layer in backbone) + _num_head_parameters(
        architecture, num_classes
    )


def _num_head_parameters(architecture: ArchitectureSpec, num_classes: int) -> int:
    return sum(head.num_parameters(num_classes) for head in architecture.heads)


def _unknown(field: str, name: str, names: list[str]) -> ValidationFailed:
    hint, allowed = suggest(name, names, listed_at="GET /architectures")
    message = f"There is no {field} '{name}'; {hint}"
    return ValidationFailed(InputProblem((field,), message, allowed))


@cache
def _read_catalogue() -> tuple[ArchitectureSpec, ...]:
    return TypeAdapter(tuple[ArchitectureSpec, ...]).validate_json(CATALOGUE_PATH.read_bytes())
