"""Versions to take away: asked of a worker once, then answered from the storage."""

from sqlalchemy.orm import Session

from app.analyses.service import request_analysis
from app.db.tables import AnalysisRequest
from app.exports.schemas import ExportQuestion
from app.ml.export.formats import ExportFormat
from app.models.references import ModelReference
from app.models.repository import ModelRepository
from app.models.service import resolve
from app.quantization.service import require_float


def ask_export(
    session: Session, name: str, version: int, export_format: ExportFormat
) -> AnalysisRequest:
    """The analysis for this version in this form, put to the workers if it is new.

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
    return request_analysis(
        session,
        kind="export",
        subject_id=row.job_id,
        parameters=question.model_dump(mode="json"),
    )
