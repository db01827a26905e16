"""Having versions judged on a dataset's images, each version on each split once."""

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
    EvaluationAnswer,
    EvaluationQuestion,
    Runtime,
)
from app.models.references import ModelReference
from app.models.repository import ModelRepository
from app.models.service import resolve

_SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Asked:
    """The question about one version on one split, and what a worker has found so far."""

    version: ModelVersion
    dataset: Dataset
    split: Split
    analysis: AnalysisRequest

    def find_answer(self) -> EvaluationAnswer | None:
        """None while it is waited for; raises what the evaluation failed with."""
        answer = analyses.require_result(self.analysis)
        return None if answer is None else EvaluationAnswer.model_validate(answer)


def request_evaluation(
    session: Session, name: str, version: int, request: EvaluateRequest, *, runtime: Runtime
) -> Asked:
    """Have a version judged, unless it was.

    Raises NotFound, Conflict and DatasetInvalid for a dataset that is not ready, ValidationFailed
    for a split that it does not have or classes that are not the model's.
    """
    dataset = lock_dataset(session, request.dataset_id)
    row = resolve(ModelRepository(session), ModelReference(name, version=version))
    return ask(session, row, dataset, choose_split(dataset, request.split), runtime=runtime)


def get_evaluation(
    session: Session, name: str, version: int, request: EvaluateRequest, *, runtime: Runtime
) -> Asked:
    """What was asked before; raises NotFound if nobody has."""
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
    return Asked(row, dataset, split, analysis)


def lock_dataset(session: Session, dataset_id: str) -> Dataset:
    """A dataset that is ready, and is not deleted before the transaction ends.

    Locked before any model, as where a job registers one. Raises NotFound, Conflict and
    DatasetInvalid for a dataset that is not ready.
    """
    dataset = DatasetRepository(session).get(dataset_id, share_lock=True)
    require_ready(dataset)
    return dataset


def ask(
    session: Session, version: ModelVersion, dataset: Dataset, split: Split, *, runtime: Runtime
) -> Asked:
    """Ask about a version unless it was; raises ValidationFailed where the classes are others."""
    require_same_classes(version, dataset)
    analysis = analyses.request_analysis(
        session,
        kind="evaluate",
        subject_id=dataset.id,
        parameters=_parameters(version, split, runtime),
        queue="predict",
    )
    return Asked(version, dataset, split, analysis)


def require_same_classes(version: ModelVersion, dataset: Dataset) -> None:
    """Raise ValidationFailed, with both lists, where a dataset's classes are not the version's."""
    if set(version.class_names) != set(dataset.class_names):
        message = (
            f"{version.name}:{version.version} tells {list_names(version.class_names)} apart, "
            f"{dataset.id} has {list_names(dataset.class_names)}."
        )
        allowed = tuple(version.class_names)
        raise ValidationFailed(InputProblem(("body", "dataset_id"), message, allowed))


def present(asked: Asked) -> Evaluation | None:
    """The evaluation as it is shown, None while it is waited for; raises what it failed with."""
    answer = asked.find_answer()
    if answer is None or asked.analysis.finished_at is None:
        return None
    version, dataset = asked.version, asked.dataset
    return Evaluation(
        **dict(answer.figures),
        name=version.name,
        version=version.version,
        dataset_id=dataset.id,
        dataset_digest=str(dataset.digest),
        split=asked.split,
        class_names=version.class_names,
        warnings=list_warnings(version, dataset, asked.split),
        evaluated_at=asked.analysis.finished_at,
    )


def choose_split(
    dataset: Dataset, split: Split | None, *, loc: tuple[str, ...] = ("body", "split")
) -> Split:
    """The split that is meant. Raises ValidationFailed at `loc` where it has no images."""
    splits = tuple(one for one in _SPLITS if dataset.splits.get(one, {}).get("num_images"))
    chosen = split or ("test" if "test" in splits else "val")
    if chosen not in splits:
        message = f"{dataset.id} has no {chosen} images; it has {list_names(splits)}."
        raise ValidationFailed(InputProblem(loc, message, splits))
    return chosen


def list_warnings(version: ModelVersion, dataset: Dataset, split: Split) -> list[str]:
    """What a version has seen of the images that it is judged on."""
    if version.dataset_digest is None or version.dataset_digest != dataset.digest:
        return []
    name = f"{version.name}:{version.version}"
    if split == "train":
        return [f"{name} was trained on these very images."]
    if split == "val":
        return [f"{name} took its best epoch by these very images."]
    return []


def _parameters(version: ModelVersion, split: Split, runtime: Runtime) -> dict[str, Any]:
    return EvaluationQuestion(
        checkpoint_key=version.checkpoint_key,
        trust_key=version.trust_key,
        quantized_key=version.quantized_key,
        digest=version.digest,
        class_names=version.class_names,
        split=split,
        runtime=runtime,
    ).model_dump(mode="json")


def list_names(names: Sequence[str], at_most: int = 10) -> str:
    """Names in a sentence, the first of them where there are many."""
    shown = ", ".join(names[:at_most])
    return f"{shown} and {len(names) - at_most} more" if len(names) > at_most else shown
