"""Request evaluations of versions on datasets; each version and split is evaluated once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.analyses import service as analyses
from app.datasets.manifest import Split
from app.datasets.repository import DatasetRepository
from app.datasets.service import require_ready
from app.db.tables import AnalysisRequest, Dataset, ModelVersion
from app.errors import InputProblem, NotFound, ValidationFailed
from app.evaluations.schemas import (
    EvaluateRequest,
    Evaluation,
    EvaluationParameters,
    EvaluationResult,
    Runtime,
)
from app.models.references import ModelReference
from app.models.repository import ModelRepository
from app.models.service import resolve

_SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class RequestedEvaluation:
    """An evaluation of one version on one split; a worker may still have to run it."""

    version: ModelVersion
    dataset: Dataset
    split: Split
    analysis: AnalysisRequest

    def find_result(self) -> EvaluationResult | None:
        """Return the result, None until it is ready; raises the error of a failed evaluation."""
        result = analyses.require_result(self.analysis)
        return None if result is None else EvaluationResult.model_validate(result)


def request_evaluation(
    session: Session, name: str, version: int, request: EvaluateRequest, *, runtime: Runtime
) -> RequestedEvaluation:
    """Queue the evaluation of a version, unless there is one already.

    Raises NotFound, Conflict and DatasetInvalid for a dataset that is not ready, ValidationFailed
    for a split that it does not have, or for classes that are not the model's.
    """
    dataset = lock_dataset(session, request.dataset_id)
    row = resolve(ModelRepository(session), ModelReference(name, version=version))
    return ensure_requested(
        session, row, dataset, choose_split(dataset, request.split), runtime=runtime
    )


def get_evaluation(
    session: Session, name: str, version: int, request: EvaluateRequest, *, runtime: Runtime
) -> RequestedEvaluation:
    """Return a requested evaluation; raises NotFound."""
    row = resolve(ModelRepository(session), ModelReference(name, version=version))
    dataset = DatasetRepository(session).get(request.dataset_id)
    require_ready(dataset)
    split = choose_split(dataset, request.split, loc=("query", "split"))
    analysis = analyses.find_request(
        session,
        kind="evaluate",
        subject_id=dataset.id,
        parameters=_parameters(row, split, runtime),
    )
    if analysis is None:
        raise NotFound(
            f"{name}:{version} has not been evaluated on the {split} split of {dataset.id}; "
            "POST to its `evaluate` first."
        )
    return RequestedEvaluation(row, dataset, split, analysis)


def lock_dataset(session: Session, dataset_id: str) -> Dataset:
    """Return a dataset that is ready, locked against deletion until the transaction ends.

    Lock it before any model, as the registration by a job does. Raises NotFound, Conflict and
    DatasetInvalid for a dataset that is not ready.
    """
    dataset = DatasetRepository(session).get(dataset_id, share_lock=True)
    require_ready(dataset)
    return dataset


def ensure_requested(
    session: Session, version: ModelVersion, dataset: Dataset, split: Split, *, runtime: Runtime
) -> RequestedEvaluation:
    """Queue the evaluation unless there is one; raises ValidationFailed for other classes."""
    require_same_classes(version, dataset)
    analysis = analyses.request_analysis(
        session,
        kind="evaluate",
        subject_id=dataset.id,
        parameters=_parameters(version, split, runtime),
        queue="predict",
    )
    return RequestedEvaluation(version, dataset, split, analysis)


def require_same_classes(version: ModelVersion, dataset: Dataset) -> None:
    """Raise ValidationFailed, with both lists, if the dataset's classes are not the version's."""
    if set(version.class_names) != set(dataset.class_names):
        message = (
            f"{version.name}:{version.version} has the classes {list_names(version.class_names)}, "
            f"and {dataset.id} has {list_names(dataset.class_names)}; use a dataset with the "
            "version's classes."
        )
        allowed = tuple(version.class_names)
        raise ValidationFailed(InputProblem(("body", "dataset_id"), message, allowed))


def view_evaluation(requested: RequestedEvaluation) -> Evaluation | None:
    """Return the evaluation as it is sent, None until it is ready; raises its error."""
    result = requested.find_result()
    if result is None or requested.analysis.finished_at is None:
        return None
    version, dataset = requested.version, requested.dataset
    return Evaluation(
        **dict(result.figures),
        name=version.name,
        version=version.version,
        dataset_id=dataset.id,
        dataset_digest=str(dataset.digest),
        split=requested.split,
        class_names=version.class_names,
        warnings=list_warnings(version, dataset, requested.split),
        evaluated_at=requested.analysis.finished_at,
    )


def choose_split(
    dataset: Dataset, split: Split | None, *, loc: tuple[str, ...] = ("body", "split")
) -> Split:
    """Return the split, or the default; raises ValidationFailed at `loc` if it has no images."""
    splits = tuple(one for one in _SPLITS if dataset.splits.get(one, {}).get("num_images"))
    chosen = split or ("test" if "test" in splits else "val")
    if chosen not in splits:
        message = f"{dataset.id} has no {chosen} images; it has {list_names(splits)}."
        raise ValidationFailed(InputProblem(loc, message, splits))
    return chosen


def list_warnings(version: ModelVersion, dataset: Dataset, split: Split) -> list[str]:
    """Return warnings if the version has seen the images of the evaluation."""
    if version.dataset_digest is None or version.dataset_digest != dataset.digest:
        return []
    name = f"{version.name}:{version.version}"
    if split == "train":
        return [f"{name} was trained on these images."]
    if split == "val":
        return [f"The best epoch of {name} was chosen on these images."]
    return []


def _parameters(version: ModelVersion, split: Split, runtime: Runtime) -> dict[str, Any]:
    return EvaluationParameters(
        checkpoint_key=version.checkpoint_key,
        trust_key=version.trust_key,
        quantized_key=version.quantized_key,
        digest=version.digest,
        class_names=version.class_names,
        split=split,
        runtime=runtime,
    ).model_dump(mode="json")


def list_names(names: Sequence[str], at_most: int = 10) -> str:
    """Return names for a sentence, at most so many of them."""
    shown = ", ".join(names[:at_most])
    return f"{shown} and {len(names) - at_most} more" if len(names) > at_most else shown
