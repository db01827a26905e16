"""The checkpoint format: safetensors, with a JSON header that describes the model.

A *complete* checkpoint holds every tensor of a model and can be served. A *delta* leaves out the
frozen backbone: it holds the trainable parameters, the buffers (such as BatchNorm's statistics)
and the digest of the backbone that it belongs to.

A file is read once and never mapped into memory: its digest is computed from the bytes that become
tensors, and a file that changes later cannot change a loaded model.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import safetensors.torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from app.errors import CheckpointInvalid
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.architectures import restore
from app.ml.models.construction import load_tensors
from app.ml.models.pretrained import Provenance
from app.ml.safetensors_metadata import read_metadata
from app.storage import Storage

_METADATA_KEY = "graft_checkpoint"


class CheckpointHeader(BaseModel):
    """Everything about a model except its tensors; class_names in the order of its outputs.

    trunk_digest, the digest of the frozen backbone, is null in a complete checkpoint.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    architecture: str
    build_arguments: dict[str, bool | int]
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
    """A written file: its sha256 in hex, and its size."""

    digest: str
    num_bytes: int


def save(storage: Storage, key: str, checkpoint: Checkpoint) -> StoredFile:
    """Write a checkpoint; it is stored whole and durable under its key, or not at all.

    Raises StorageFull.
    """
    tensors = separate(checkpoint.tensors)
    # Only one metadata entry: safetensors writes several in no fixed order, and the same model
    # should have the same digest.
    metadata = {_METADATA_KEY: checkpoint.header.model_dump_json()}
    content = safetensors.torch.save(tensors, metadata)
    with storage.new_file(key) as file:
        file.write(content)
    return StoredFile(hashlib.sha256(content).hexdigest(), len(content))


def separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return contiguous tensors on the CPU, no two in the same memory, which safetensors refuses.

    Networks such as CoaT use one parameter under several names.
    """
    separated: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        host = _to_host(tensor)
        memory = host.untyped_storage().data_ptr()
        separated[name] = host.clone() if memory in seen else host
        seen.add(memory)
    return separated


def load(path: Path, *, digest: str | None = None) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    digest is the sha256 (hex) that the file must have, None where it is not known. Raises
    CheckpointInvalid for a file that has another digest, is not a checkpoint, is damaged, or is of
    a newer version; FileNotFoundError.
    """
    return parse(read_verified(path, digest))


def load_header(path: Path, *, digest: str | None = None) -> CheckpointHeader:
    """Read the header alone; raises what `load` does."""
    return parse_header(read_verified(path, digest))


def read_verified(path: Path, digest: str | None) -> bytes:
    """Read a file once; raises CheckpointInvalid unless its bytes have this sha256 (hex)."""
    content = path.read_bytes()
    if digest is not None:
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise CheckpointInvalid(
                f"The file was changed after it was stored: its sha256 is {found}, and {digest} "
                "is registered. Restore the file from a backup, or use another version."
            )
    return content


def parse(content: bytes) -> Checkpoint:
    """Parse the bytes of a checkpoint file; the tensors do not depend on the file.

    Raises CheckpointInvalid for bytes that are not a checkpoint, are damaged, or are of a newer
    version.
    """
    header = parse_header(content)
    try:
        return Checkpoint(header, safetensors.torch.load(content))
    except SafetensorError as error:
        raise CheckpointInvalid("The checkpoint is damaged.") from error


def parse_header(content: bytes) -> CheckpointHeader:
    """Parse the header of a checkpoint file; raises CheckpointInvalid as `parse`."""
    try:
        metadata = read_metadata(content)
    except ValueError as error:
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
    """Build the model of a complete checkpoint, in evaluation mode, on the CPU.

    Raises CheckpointInvalid for a delta, and for tensors that do not fit the architecture.
    """
    header = checkpoint.header
    if header.trunk_digest is not None:
        raise CheckpointInvalid("The checkpoint is not complete: it needs its backbone.")
    try:
        model = restore(
            header.architecture, arguments=header.build_arguments, state_dict=checkpoint.tensors
        )
    except (KeyError, RuntimeError) as error:
        raise CheckpointInvalid("The checkpoint's tensors do not fit its architecture.") from error
    return model, header


def take_delta(model: nn.Module) -> dict[str, Tensor]:
    """Copy the tensors that training changes: the trainable parameters and all stored buffers.

    Buffers that are not stored are constants, such as the relative positions of a window.
    """
    parameters = model.named_parameters(remove_duplicate=False)
    frozen = {name for name, p in parameters if not p.requires_grad}
    return {
        name: tensor.detach().cpu().clone()
        for name, tensor in model.state_dict().items()
        if name not in frozen
    }


def apply_delta(model: nn.Module, delta: Checkpoint) -> None:
    """Load a delta's tensors into the model that it was taken from.

    Raises CheckpointInvalid where the model has another backbone or other trainable parameters.
    """
    if compute_backbone_digest(model) != delta.header.trunk_digest:
        raise CheckpointInvalid("The checkpoint belongs to another backbone than this model's.")
    missing, unexpected = load_tensors(model, delta.tensors, strict=False)
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    if unexpected or trainable & set(missing):
        raise CheckpointInvalid("The checkpoint's tensors are not those this model trains.")


def compute_backbone_digest(model: nn.Module) -> str | None:
    """Return the sha256 of the frozen parameters' names and bytes; None where none is frozen."""
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
