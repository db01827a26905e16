"""Request exports of versions; a worker runs each once, and its archive is stored."""

from sqlalchemy.orm import Session

from app.analyses.service import find_request, request_analysis
from app.db.tables import AnalysisRequest
from app.exports.schemas import ExportParameters
from app.ml.export.formats import ExportFormat
from app.models.references import ModelReference
from app.models.repository import ModelRepository
from app.models.service import resolve
from app.quantization.service import require_float
from app.settings import Settings
from app.tenants.service import require_room


def request_export(
    session: Session, settings: Settings, name: str, version: int, export_format: ExportFormat
) -> AnalysisRequest:
    """Return the export of this version in this format, queued for a worker if it is new.

    Raises NotFound, Conflict for an int8 version, and QuotaExceeded for a new export if the tenant
    may not store as many bytes more as the version has.
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
    wanted = parameters.model_dump(mode="json")
    found = find_request(session, kind="export", subject_id=row.job_id, parameters=wanted)
    if found is None or found.status == "failed":
        require_room(session, settings, row.num_bytes)
    return request_analysis(session, kind="export", subject_id=row.job_id, parameters=wanted)
