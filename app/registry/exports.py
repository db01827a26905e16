"""Versions to take away: asked of a worker once, then answered from the storage."""

from sqlalchemy.orm import Session

from app.db.tables import Inquiry
from app.inquiries.export_schemas import ExportQuestion
from app.inquiries.service import ask
from app.ml.export.formats import ExportFormat
from app.registry.quantization import require_float
from app.registry.references import ModelReference
from app.registry.repository import ModelRepository
from app.registry.service import resolve


def ask_export(session: Session, name: str, version: int, export_format: ExportFormat) -> Inquiry:
    """The inquiry for this version in this form, put to the workers if it is new.

    Raises NotFound, Conflict for a version in int8.
    """
    models = ModelRepository(session)
    row = resolve(models, ModelReference(name, version=version))
    require_float(row)
    question = ExportQuestion(
        format=export_format,
        name=row.name,
        version=row.version,
        digest=row.digest,
        checkpoint_key=row.checkpoint_key,
        trust_key=row.trust_key,
    )
    return ask(
        session,
        kind="export",
        subject_id=row.job_id,
        parameters=question.model_dump(mode="json"),
    )
