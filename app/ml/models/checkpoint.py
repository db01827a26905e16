"""The checkpoint format: safetensors, with a JSON header that says all else a model needs.

A *complete* checkpoint holds every tensor of a model and can be served. A *delta* leaves the frozen
trunk out: it holds what training may change (trainable parameters, and buffers such as BatchNorm's
statistics) and the digest of the trunk it belongs on.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import safetensors.torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from app.errors import CheckpointInvalid
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.architectures import restore
from app.ml.models.construction import load_tensors
from app.ml.models.pretrained import Provenance
from app.storage import Storage

_METADATA_KEY = "graft_checkpoint"


class CheckpointHeader(BaseModel):
    """All about a model but its tensors; class_names in the order of its outputs.

    trunk_digest is null in a complete checkpoint.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    architecture: str
    build_arguments: dict[str, bool]
    num_classes: int
    class_names: tuple[str, ...]
    preprocessing: PreprocessingSpec
    weights: Provenance
    trunk_digest: str | None = None


@dataclass(frozen=True)
class Checkpoint:
    """A header and the tensors that go with it, by torchvision's parameter names, on the CPU."""

    header: CheckpointHeader
    tensors: Mapping[str, Tensor]


@dataclass(frozen=True)
class StoredFile:
    """What was written: its sha256 in hex, and its size."""

    digest: str
    num_bytes: int


def save(storage: Storage, key: str, checkpoint: Checkpoint) -> StoredFile:
    """Write a checkpoint; it appears under its key whole and durable, or not at all.

    Raises StorageFull.
    """
    tensors = {name: _to_host(tensor) for name, tensor in checkpoint.tensors.items()}
    # One metadata entry alone: safetensors writes several in no fixed order, and the same model
    # should have the same digest.
    metadata = {_METADATA_KEY: checkpoint.header.model_dump_json()}
    content = safetensors.torch.save(tensors, metadata)
    with storage.new_file(key) as file:
        file.write(content)
    return StoredFile(hashlib.sha256(content).hexdigest(), len(content))


def load(path: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    Raises CheckpointInvalid for a file that is something else, damaged, or of a newer version.
    """
    header = load_header(path)
    try:
        return Checkpoint(header, safetensors.torch.load_file(path))
    except SafetensorError as error:
        raise CheckpointInvalid("The checkpoint is damaged.") from error


def load_header(path: Path) -> CheckpointHeader:
    """Read the header alone; raises CheckpointInvalid as `load` does."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise CheckpointInvalid("The file is not a checkpoint: not safetensors.") from error
    if _METADATA_KEY not in metadata:
        raise CheckpointInvalid("The file is not a checkpoint: it has no header.")
    try:
        return CheckpointHeader.model_validate_json(metadata[_METADATA_KEY])
    except ValidationError as error:
        raise CheckpointInvalid(
            "The checkpoint's header is not of version 1; "
            "it may be from a newer version of this service."
        ) from error


def restore_model(checkpoint: Checkpoint) -> tuple[nn.Module, CheckpointHeader]:
    """The model of a complete checkpoint, in evaluation mode, on the CPU.

    Raises CheckpointInvalid for a delta, and for tensors that do not fit the architecture.
    """
    header = checkpoint.header
    if header.trunk_digest is not None:
        raise CheckpointInvalid("The checkpoint is not complete: it needs its trunk.")
    try:
        model = restore(
            header.architecture, arguments=header.build_arguments, state_dict=checkpoint.tensors
        )
    except (KeyError, RuntimeError) as error:
        raise CheckpointInvalid("The checkpoint's tensors do not fit its architecture.") from error
    return model, header


def take_delta(model: nn.Module) -> dict[str, Tensor]:
    """Copies of everything training may change: trainable parameters and all buffers."""
    changing = {name: p for name, p in model.named_parameters() if p.requires_grad}
    return {
        name: tensor.detach().cpu().clone()
        for name, tensor in (*changing.items(), *model.named_buffers())
    }


def apply_delta(model: nn.Module, delta: Checkpoint) -> None:
    """Put a delta's tensors into the model it was taken from.

    Raises CheckpointInvalid where the model's trunk or trainable parameters are others.
    """
    if compute_trunk_digest(model) != delta.header.trunk_digest:
        raise CheckpointInvalid("The checkpoint belongs on another trunk than this model has.")
    missing, unexpected = load_tensors(model, delta.tensors, strict=False)
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    if unexpected or trainable & set(missing):
        raise CheckpointInvalid("The checkpoint's tensors are not those this model trains.")


def compute_trunk_digest(model: nn.Module) -> str | None:
    """The sha256 over names and bytes of the frozen parameters; None where nothing is frozen."""
    frozen = sorted((name, p) for name, p in model.named_parameters() if not p.requires_grad)
    if not frozen:
        return None
    digest = hashlib.sha256()
    for name, parameter in frozen:
        digest.update(name.encode())
        digest.update(_to_host(parameter).numpy().data)
    return digest.hexdigest()


def _to_host(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous()
