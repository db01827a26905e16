"""Versions in int8: asked of a worker, registered beside what they were made from."""

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
    QuantizationAnswer,
    QuantizationQuestion,
    QuantizeRequest,
)


def request_quantization(
    session: Session, name: str, version: int, wish: QuantizeRequest
) -> AnalysisRequest:
    """Have a version quantised, unless it was with these images and the result is still there.

    Raises NotFound, Conflict and DatasetInvalid for a dataset that is not ready, ValidationFailed
    where its classes are not the model's, Conflict for a version that is in int8 already.
    """
    dataset = lock_dataset(session, wish.dataset_id)
    models = ModelRepository(session)
    row = resolve(models, ModelReference(name, version=version))
    require_float(row)
    require_same_classes(row, dataset)
    parameters = QuantizationQuestion(
        name=name,
        version=version,
        digest=row.digest,
        checkpoint_key=row.checkpoint_key,
        class_names=row.class_names,
        num_images=wish.num_images,
    ).model_dump(mode="json")
    asked = analyses.find_request(
        session, kind="quantize", subject_id=dataset.id, parameters=parameters
    )
    if asked is not None and asked.result is not None:
        made = models.find_version(name, asked.result["version"])
        if made is None or made.quantized_from != version:
            session.delete(asked)
            session.flush()
    return analyses.request_analysis(
        session, kind="quantize", subject_id=dataset.id, parameters=parameters, queue="predict"
    )


def get_quantization(
    session: Session, name: str, version: int, analysis_id: str
) -> AnalysisRequest:
    """What was asked for before; raises NotFound."""
    analysis = analyses.get_request(session, analysis_id)
    asked = analysis.parameters
    if (analysis.kind, asked.get("name"), asked.get("version")) != ("quantize", name, version):
        raise NotFound(f"There is no quantisation {analysis_id} of {name}:{version}.")
    return analysis


def register_quantized(
    session: Session, question: QuantizationQuestion, answer: QuantizationAnswer, *, key: str
) -> Quantization | None:
    """Register what a worker has made; None where the version it was made from is gone."""
    models = ModelRepository(session)
    models.lock(question.name)
    origin = models.find_version(question.name, question.version)
    if origin is None:
        return None
    number = register_version(
        session,
        name=origin.name,
        job_id=origin.job_id,
        checkpoint_key=origin.checkpoint_key,
        digest=answer.digest,
        num_bytes=answer.num_bytes,
        architecture=origin.architecture,
        class_names=origin.class_names,
        input_size=origin.input_size,
        val_accuracy=answer.figures.int8_accuracy,
        dataset_digest=origin.dataset_digest,
        trust_key=origin.trust_key,
        calibration=Calibration.model_validate(origin.calibration) if origin.calibration else None,
        quantized=(key, origin.version),
    )
    return Quantization(
        **dict(answer.figures), name=origin.name, version=number, quantized_from=origin.version
    )


def require_float(version: ModelVersion) -> None:
    """Raise Conflict for a version in int8, from which nothing more can be made."""
    if version.quantized_key is not None:
        raise Conflict(
            f"{version.name}:{version.version} is in int8; take {version.name}:"
            f"{version.quantized_from}, which it was made from."
        )
