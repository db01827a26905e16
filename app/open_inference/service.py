"""Describe and check registered models for the Open Inference Protocol."""

from sqlalchemy.orm import Session

from app.errors import Unavailable
from app.models.references import ModelReference
from app.models.service import get_model, resolve_reference
from app.open_inference.schemas import INPUT_NAME, ModelMetadata, TensorMetadata
from app.storage import Storage


def make_reference(name: str, version: int | None) -> str:
    """Return the reference of a model in a path; without a version, that of its name."""
    return str(ModelReference(name, version=version))


def describe_model(session: Session, name: str, version: int | None) -> ModelMetadata:
    """Return a model's inputs and outputs; raises what `resolve_reference` does."""
    row = resolve_reference(session, make_reference(name, version))
    per_class = [-1, len(row.class_names)]
    return ModelMetadata(
        name=name,
        versions=[str(one.version) for one in get_model(session, name).versions],
        inputs=[TensorMetadata(name=INPUT_NAME, datatype="BYTES", shape=[-1])],
        outputs=[
            TensorMetadata(name="probabilities", datatype="FP32", shape=per_class),
            TensorMetadata(name="logits", datatype="FP32", shape=per_class),
            TensorMetadata(name="label", datatype="BYTES", shape=[-1]),
        ],
        class_names=row.class_names,
    )


def require_model(session: Session, storage: Storage, name: str, version: int | None) -> None:
    """Raise Unavailable if a model's file is missing, and what `resolve_reference` raises."""
    row = resolve_reference(session, make_reference(name, version))
    if not storage.exists(row.checkpoint_key):
        raise Unavailable(
            f"The file of {row.name}:{row.version} is not in the storage. "
            "Restore it from a backup, or use another version."
        )
