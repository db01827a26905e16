"""Request exports of versions; a worker runs each once, and its archive is stored."""

from sqlalchemy.orm import Session

from app.analyses.service import request_analysis
from app.db.tables import AnalysisRequest
from app.exports.schemas import ExportParameters
from app.ml.export.formats import ExportFormat
from app.models.references import ModelReference
from app.models.repository import ModelRepository
from app.models.service import resolve
from app.quantization.service import require_float


def request_export(
    session: Session, name: str, version: int, export_format: ExportFormat
) -> AnalysisRequest:
    """Return the export of this version in this format, queued for a worker if it is new.

    Raises NotFound, Conflict for an int8 version.
    """
    models = ModelRepository(session)
    row = resolve(models, ModelReference(name, version=version))
    require_float(row)
    parameters = ExportParameters(
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
        parameters=parameters.model_dump(mode="json"),
    )
