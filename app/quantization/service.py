"""Request quantizations, and register their results as new versions."""

from sqlalchemy.orm import Session

from app.analyses import service as analyses
from app.db.tables import AnalysisRequest, ModelVersion
from app.errors import Conflict, NotFound
from app.evaluations.service import lock_dataset, require_same_classes
from app.models.references import ModelReference
from app.models.repository import ModelRepository
from app.models.schemas import Calibration
from app.models.service import register_version, resolve
from app.quantization.schemas import (
    Quantization,
    QuantizationParameters,
    QuantizationResult,
    QuantizeRequest,
)
from app.settings import Settings
from app.tenants.service import require_room

_SHRINKS_BY = 4
"""Weights in int8 take a fourth of their bytes in float32."""


def request_quantization(
    session: Session, settings: Settings, name: str, version: int, request: QuantizeRequest
) -> AnalysisRequest:
    """Queue the quantization of a version, unless it was done with these images and still exists.

    Raises NotFound, Conflict and DatasetInvalid for a dataset that is not ready, ValidationFailed
    if its classes are not the model's, Conflict for an int8 version, and QuotaExceeded for a new
    quantization if the tenant may not store an int8 version.
    """
    dataset = lock_dataset(session, request.dataset_id)
    models = ModelRepository(session)
    row = resolve(models, ModelReference(name, version=version))
    require_float(row)
    require_same_classes(row, dataset)
    parameters = QuantizationParameters(
        name=name,
        version=version,
        digest=row.digest,
        checkpoint_key=row.checkpoint_key,
        class_names=row.class_names,
        num_images=request.num_images,
    ).model_dump(mode="json")
    existing = analyses.find_request(
        session, kind="quantize", subject_id=dataset.id, parameters=parameters
    )
    if existing is not None and existing.result is not None:
        quantized = models.find_version(name, existing.result["version"])
        if quantized is None or quantized.quantized_from != version:
            session.delete(existing)
            session.flush()
            existing = None
    if existing is None or existing.status == "failed":
        require_room(session, settings, row.num_bytes // _SHRINKS_BY)
    return analyses.request_analysis(
        session, kind="quantize", subject_id=dataset.id, parameters=parameters, queue="predict"
    )


def get_quantization(
    session: Session, name: str, version: int, analysis_id: str
) -> AnalysisRequest:
    """Return a requested quantization; raises NotFound."""
    analysis = analyses.get_request(session, analysis_id)
    parameters = analysis.parameters
    subject = (analysis.kind, parameters.get("name"), parameters.get("version"))
    if subject != ("quantize", name, version):
        raise NotFound(f"There is no quantization {analysis_id} of {name}:{version}.")
    return analysis


def register_quantized(
    session: Session, parameters: QuantizationParameters, result: QuantizationResult, *, key: str
) -> Quantization | None:
    """Register an int8 version; returns None if the original version was deleted."""
    models = ModelRepository(session)
    models.lock(parameters.name)
    origin = models.find_version(parameters.name, parameters.version)
    if origin is None:
        return None
    number = register_version(
        session,
        name=origin.name,
        job_id=origin.job_id,
        checkpoint_key=origin.checkpoint_key,
        digest=result.digest,
        num_bytes=result.num_bytes,
        architecture=origin.architecture,
        class_names=origin.class_names,
        input_size=origin.input_size,
        val_accuracy=result.figures.int8_accuracy,
        val_balanced_accuracy=result.figures.int8_balanced_accuracy,
        dataset_digest=origin.dataset_digest,
        trust_key=origin.trust_key,
        calibration=Calibration.model_validate(origin.calibration) if origin.calibration else None,
        quantized=(key, origin.version),
    )
    return Quantization(
        **dict(result.figures), name=origin.name, version=number, quantized_from=origin.version
    )


def require_float(version: ModelVersion) -> None:
    """Raise Conflict for an int8 version, which cannot be exported or quantized again."""
    if version.quantized_key is not None:
        raise Conflict(
            f"{version.name}:{version.version} is in int8 already; use its original, "
            f"{version.name}:{version.quantized_from}."
        )
