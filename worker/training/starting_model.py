"""The model that a training starts from: random, pretrained, or an earlier model."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from app.errors import CheckpointInvalid, InputProblem, ValidationFailed, WeightsUnavailable
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models import checkpoint, timm_pretrained
from app.ml.models.architectures import build, build_arguments, is_trainable
from app.ml.models.catalogue import ArchitectureSpec, WeightsSpec, get_architecture
from app.ml.models.checkpoint import CheckpointHeader
from app.ml.models.pretrained import Provenance, load_pretrained
from app.ml.runtime.seeding import derive_seed
from app.storage import Storage
from worker.training.config import TrainingConfig


@dataclass(frozen=True)
class _Origin:
    """The source of the weights, and the settings that have to stay as they were there."""

    state_dict: Mapping[str, Tensor] | None
    provenance: Provenance
    arguments: Mapping[str, int]
    preprocessing: PreprocessingSpec
    keeps_head: bool = False


def start_model(config: TrainingConfig, storage: Storage) -> tuple[nn.Module, CheckpointHeader]:
    """Return the model, its backbone frozen by the strategy, and its checkpoint header.

    New weights are a function of the recipe's seed. An earlier model keeps its head if the class
    names are the same. Raises WeightsUnavailable, and ValidationFailed if the earlier model has
    another architecture.
    """
    recipe = config.recipe
    architecture = get_architecture(recipe.architecture)
    origin = _find_origin(config, architecture, storage)
    torch.manual_seed(derive_seed("weights", recipe.seed))
    try:
        model = build(
            architecture.name,
            None if origin.keeps_head else len(config.class_names),
            arguments=origin.arguments,
            is_trained=lambda name: is_trainable(
                architecture, name, recipe.strategy, recipe.trainable_from
            ),
            state_dict=origin.state_dict,
        )
    except (KeyError, RuntimeError) as error:
        raise WeightsUnavailable(
            f"The weights file does not fit {architecture.name}; replace it with the file of this "
            "architecture."
        ) from error
    return model, CheckpointHeader(
        architecture=architecture.name,
        build_arguments=dict(origin.arguments),
        num_classes=len(config.class_names),
        class_names=tuple(config.class_names),
        preprocessing=origin.preprocessing,
        weights=origin.provenance,
        trunk_digest=checkpoint.compute_backbone_digest(model),
    )


def _find_origin(
    config: TrainingConfig, architecture: ArchitectureSpec, storage: Storage
) -> _Origin:
    if config.base_model_key is not None:
        return _find_earlier_model(config, architecture, storage, config.base_model_key)
    size = config.recipe.input_size
    if config.recipe.weights == "none":
        return _Origin(
            state_dict=None,
            provenance=Provenance(source="none", name="none", digest=None),
            arguments=build_arguments(
                architecture.name,
                is_pretrained=False,
                head=config.recipe.head,
                input_size=size,
            ),
            preprocessing=PreprocessingSpec(input_size=size, resize_size=size),
        )
    weights = architecture.get_weights(config.recipe.weights)
    arguments = build_arguments(
        architecture.name, is_pretrained=True, head=config.recipe.head, input_size=size
    )
    pretrained = load_pretrained(
        architecture,
        weights.name,
        weights_dir=config.weights_dir,
        download_allowed=config.weights_download,
        arguments=arguments,
    )
    return _Origin(
        state_dict=pretrained.state_dict,
        provenance=pretrained.provenance,
        arguments=arguments,
        preprocessing=PreprocessingSpec(
            input_size=size,
            resize_size=_resize_size(architecture, weights, size),
            interpolation=weights.interpolation,
            mean=weights.mean,
            std=weights.std,
        ),
    )


def _resize_size(architecture: ArchitectureSpec, weights: WeightsSpec, size: int) -> int:
    """Return the shorter side that images are resized to before the centre crop.

    timm's weights are used with their crop fraction, torchvision's without a crop, because the
    border of an image may show what its class is.
    """
    return size * weights.resize_size // weights.crop_size if architecture.is_of_timm else size


def _find_earlier_model(
    config: TrainingConfig, architecture: ArchitectureSpec, storage: Storage, key: str
) -> _Origin:
    content = checkpoint.read_verified(storage.path(key), config.base_model_digest)
    earlier = checkpoint.parse(content)
    header = earlier.header
    if header.trunk_digest is not None:
        raise CheckpointInvalid("An earlier model's checkpoint must be complete.")
    if header.architecture != architecture.name:
        message = (
            f"'{config.recipe.weights}' is a {header.architecture}, not a {architecture.name}."
        )
        raise ValidationFailed(InputProblem(("architecture",), message, (header.architecture,)))
    size = config.recipe.input_size
    arguments = build_arguments(
        architecture.name,
        is_pretrained=header.build_arguments.get("transform_input") is True,
        head=config.recipe.head,
        input_size=size,
    )
    tensors = earlier.tensors
    if arguments.get("img_size") != header.build_arguments.get("img_size"):
        tensors = timm_pretrained.resample(architecture, tensors, arguments)
    return _Origin(
        state_dict=tensors,
        provenance=Provenance(
            source="model", name=config.recipe.weights, digest=hashlib.sha256(content).hexdigest()
        ),
        arguments=arguments,
        preprocessing=header.preprocessing.model_copy(
            update={"input_size": size, "resize_size": size}
        ),
        keeps_head=list(header.class_names) == config.class_names,
    )
