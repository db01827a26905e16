"""Read the catalogues of architectures: torchvision's and timm's.

Generators write the files from the libraries, so that processes without torch or timm can check
requests and count parameters.
"""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, TypeAdapter

from app.errors import InputProblem, ValidationFailed
from app.ml.models import timm_catalogue
from app.ml.recipe import Strategy
from app.web.suggestions import suggest

Interpolation = Literal["bilinear", "bicubic"]

CATALOGUE_PATH = Path(__file__).with_name("catalogue.json")
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
NUM_IMAGENET_CLASSES = 1000
NO_INPUT_SIZE = 2**20
"""The smallest input size for a batch of one image where training needs two at any size."""
PRETRAINED = ("pretrained", "imagenet")
"""Names of an architecture's default weights; `imagenet` only where its classes are ImageNet's."""


class _CatalogueModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LayerSpec(_CatalogueModel):
    """A layer of the backbone that `trainable_from` may name.

    num_parameters does not include a head inside the layer. also: modules and parameters outside
    the module `name` that belong to the layer (timm's groups: a class token, a final norm).
    """

    name: str
    num_parameters: int
    also: tuple[str, ...] = ()

    def owns(self, parameter_name: str) -> bool:
        """Return whether a parameter or a module of this name is part of the layer."""
        return any(f"{parameter_name}.".startswith(f"{part}.") for part in (self.name, *self.also))


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
    """Published pretrained weights, and the preprocessing they expect.

    url: torchvision's file; hub_id: the repository of timm's weights on the Hugging Face hub, None
    where timm names none. num_classes: the scores of the published head, 1000 for ImageNet's
    classes, 0 without a head. imagenet_accuracy: top-1 accuracy on ImageNet's validation images,
    0 to 1; None for timm's, which states none. gflops: billions of multiply-adds of one image's
    forward pass at crop_size. licence: as timm states it; None where it states none.
    """

    name: str
    is_default: bool = False
    url: str = ""
    hub_id: str | None = None
    licence: str | None = None
    num_classes: int = NUM_IMAGENET_CLASSES
    imagenet_accuracy: float | None = None
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
    position embeddings, MaxViT's grid); otherwise sizes differ from input_size by multiples of
    input_size_step. A network that is_built_for_size gets the size as an argument (timm's
    `img_size`), and its weights are resampled for it. num_parameters counts the library's own model
    with 1000 classes; num_backbone_parameters counts it without its heads. A parameter of the
    backbone may be outside every layer (torchvision's ViT: its class token).
    """

    name: str
    aliases: tuple[str, ...] = ()
    input_size: int
    fixed_input_size: bool = False
    input_size_step: int = 1
    is_built_for_size: bool = False
    min_input_size: int
    min_input_size_batch_of_one: int
    num_parameters: int
    num_backbone_parameters: int
    layers: tuple[LayerSpec, ...]
    heads: tuple[HeadSpec, ...]
    weights: tuple[WeightsSpec, ...]

    @property
    def is_of_timm(self) -> bool:
        return timm_catalogue.is_timm(self.name)

    def get_min_input_size(self, batch_size: int) -> int:
        """Return the smallest input size that can be trained in batches of this size."""
        return self.min_input_size if batch_size > 1 else self.min_input_size_batch_of_one

    def check_input_size(self, size: int, batch_size: int) -> None:
        """Raise ValidationFailed unless this input size can be trained with this batch size."""
        smallest = self.get_min_input_size(batch_size)
        if smallest == NO_INPUT_SIZE:
            message = f"`batch_size` is {batch_size}; {self.name} needs batches of two or more."
            raise ValidationFailed(InputProblem(("batch_size",), message, (">= 2",)))
        if self.fixed_input_size and size != self.input_size:
            message = f"`input_size` is {size}; {self.name} needs exactly {self.input_size} pixels."
            allowed = str(self.input_size)
        elif size < smallest:
            message = (
                f"`input_size` is {size}; with batches of {batch_size}, {self.name} needs at least "
                f"{smallest} pixels."
            )
            allowed = f">= {smallest}"
        elif (size - self.input_size) % self.input_size_step:
            below = size - (size - self.input_size) % self.input_size_step
            sizes = [near for near in (below, below + self.input_size_step) if near >= smallest]
            message = (
                f"`input_size` is {size}; the sizes of {self.name} are {self.input_size} pixels "
                f"plus or minus a multiple of {self.input_size_step}."
            )
            raise ValidationFailed(InputProblem(("input_size",), message, tuple(map(str, sizes))))
        else:
            return
        raise ValidationFailed(InputProblem(("input_size",), message, (allowed,)))

    def get_weights(self, name: str) -> WeightsSpec:
        """Return the weights of this name; `pretrained` means the default.

        `imagenet` means the default where its classes are ImageNet's 1,000.
        Raises ValidationFailed, with the most similar names, for an unknown name.
        """
        for weights in self.weights:
            if name == weights.name or (weights.is_default and name in self.default_names):
                return weights
        raise _unknown("weights", name, self.list_weights_names())

    @property
    def default_names(self) -> tuple[str, ...]:
        """The names that select the default weights; empty without weights."""
        default = next((weights for weights in self.weights if weights.is_default), None)
        if default is None:
            return ()
        return PRETRAINED if default.num_classes == NUM_IMAGENET_CLASSES else PRETRAINED[:1]

    def list_weights_names(self) -> tuple[str, ...]:
        """List what `weights` may be, except the reference of a model."""
        return (*self.default_names, "none", *(weights.name for weights in self.weights))

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
    """List torchvision's architectures: the six of the tutorials, then the others by name."""
    return _read_catalogue()


def search_architectures(text: str) -> Iterator[ArchitectureSpec]:
    """Yield the architectures of both libraries whose names contain every word of the text.

    Of timm's, those with short names come first: they are nearest to the text.
    """
    for name in _search_names(text):
        yield get_architecture(name)


def count_matches(text: str) -> int:
    """Count the architectures that `search_architectures` yields."""
    return sum(1 for _ in _search_names(text))


def _search_names(text: str) -> Iterator[str]:
    words = text.lower().split()
    for architecture in _read_catalogue():
        if all(any(word in name for name in _names(architecture)) for word in words):
            yield architecture.name
    found = (name for name in timm_catalogue.list_names() if all(word in name for word in words))
    yield from sorted(found, key=len)


def get_architecture(name: str) -> ArchitectureSpec:
    """Return the architecture of this name: torchvision's, a tutorial alias, or `timm:<name>`.

    Raises ValidationFailed, with the most similar names, for an unknown name, and with the reason
    for an architecture of timm that cannot be trained here.
    """
    if timm_catalogue.is_timm(name):
        return _get_timm_architecture(name)
    for architecture in _read_catalogue():
        if name in _names(architecture):
            return architecture
    if (of_timm := timm_catalogue.PREFIX + name) in timm_catalogue.list_names():
        message = f"torchvision has no architecture '{name}', but timm does: `{of_timm}`."
        raise ValidationFailed(InputProblem(("architecture",), message, (of_timm,)))
    raise _unknown("architecture", name, [architecture.name for architecture in _read_catalogue()])


def _names(architecture: ArchitectureSpec) -> tuple[str, ...]:
    return (architecture.name, *architecture.aliases)


@lru_cache(maxsize=256)
def _get_timm_architecture(name: str) -> ArchitectureSpec:
    try:
        values = timm_catalogue.read(name)
    except KeyError:
        listed_at = "GET /architectures?search=timm"
        names = timm_catalogue.list_names()
        raise _unknown("architecture", name, names, listed_at=listed_at) from None
    if (reason := values.get("refused")) is not None:
        message = f"{name} cannot be trained: {reason}"
        raise ValidationFailed(InputProblem(("architecture",), message, ("another architecture",)))
    return ArchitectureSpec.model_validate(values)


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


def _unknown(
    field: str, name: str, names: Sequence[str], *, listed_at: str = "GET /architectures"
) -> ValidationFailed:
    hint, allowed = suggest(name, names, listed_at=listed_at)
    message = f"There is no {field} '{name}'; {hint}"
    return ValidationFailed(InputProblem((field,), message, allowed))


@cache
def _read_catalogue() -> tuple[ArchitectureSpec, ...]:
    return TypeAdapter(tuple[ArchitectureSpec, ...]).validate_json(CATALOGUE_PATH.read_bytes())
