"""Create, get, list and delete datasets, and record what the ingestion worker reports."""

import random
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.access import audit
from app.analyses import service as analyses
from app.datasets.findings import index_findings, list_pairs_of
from app.datasets.label_errors import LabelError
from app.datasets.manifest import Split, read_manifest
from app.datasets.repository import DatasetRepository
from app.datasets.schemas import (
    DatasetStatus,
    Finding,
    ImageDetail,
    ImagePair,
    PairKind,
    Report,
)
from app.db.tables import Dataset, DatasetImage
from app.errors import Conflict, DatasetInvalid, InputProblem, InUse, ValidationFailed
from app.tasks import service as work


def create_dataset(  # noqa: PLR0913 - one keyword for each column
    session: Session,
    *,
    dataset_id: str,
    name: str,
    upload_key: str,
    num_bytes: int,
    val_fraction: float,
    split_seed: int,
    labels: Mapping[str, str],
) -> Dataset:
    """Create a dataset from a stored upload, and queue its ingestion."""
    dataset = Dataset(
        id=dataset_id,
        name=name,
        status="ingesting",
        class_names=[],
        splits={},
        progress={"stage": "queued", "done": 0, "total": 0},
        report={},
        num_bytes=num_bytes,
        val_fraction=val_fraction,
        split_seed=split_seed,
        labels=dict(labels),
        upload_key=upload_key,
    )
    session.add(dataset)
    session.flush()
    work.enqueue(session, queue="cpu", kind="ingest", subject_id=dataset_id)
    return dataset


def get_dataset(session: Session, dataset_id: str, *, lock: bool = False) -> Dataset:
    """Return the dataset; raises NotFound. `lock` locks its row."""
    return DatasetRepository(session).get(dataset_id, lock=lock)


def list_datasets(
    session: Session,
    *,
    limit: int,
    after: str | None,
    statuses: Collection[DatasetStatus] = (),
    text: str | None = None,
) -> tuple[Sequence[Dataset], bool]:
    """Return a page of datasets, newest first, and whether there are more."""
    datasets = DatasetRepository(session)
    rows = datasets.list_page(limit=limit, after=after, statuses=statuses, text=text)
    return rows[:limit], len(rows) > limit


def delete_dataset(session: Session, dataset_id: str) -> list[str]:
    """Delete a dataset and cancel its ingestion.

    Returns the storage keys that are unreferenced after the commit. The sweeper deletes images,
    because other datasets may share them. Finished jobs stay. Raises NotFound, and InUse while an
    unfinished job or batch prediction uses the dataset.
    """
    ingestion = work.lock_unfinished(session, dataset_id)
    datasets = DatasetRepository(session)
    dataset = datasets.get(dataset_id, lock=True)
    if datasets.is_in_use(dataset_id):
        raise InUse(
            f"An unfinished job or batch uses {dataset_id}; wait for it or cancel it first."
        )
    if ingestion is not None:
        work.remove(session, ingestion)
    analyses.delete_requests(session, dataset_id)
    session.delete(dataset)
    audit.record(session, "dataset.deleted", dataset_id, details={"name": dataset.name})
    return [key for key in (dataset.upload_key, dataset.manifest_key) if key]


def list_images(  # noqa: PLR0913 - the filters of the list, by keyword
    session: Session,
    dataset_id: str,
    *,
    limit: int,
    after: int,
    split: Split | None,
    class_name: str | None,
    path_part: str | None,
    finding: Finding | None,
) -> tuple[list[ImageDetail], bool]:
    """Return a page of a dataset's images, and whether there are more; none until it is ready."""
    datasets = DatasetRepository(session)
    findings = index_findings(_read_report(datasets.get(dataset_id)))
    named = None
    if finding is not None:
        named = [path for path, found in findings.items() if finding in found]
    rows = datasets.list_images(
        dataset_id,
        limit=limit,
        after=after,
        split=split,
        class_name=class_name,
        path_part=path_part,
        paths=named,
    )
    return [_view_image(row, findings) for row in rows[:limit]], len(rows) > limit


def list_pairs(
    session: Session, dataset_id: str, *, kind: PairKind, limit: int, after: int
) -> tuple[list[ImagePair], bool]:
    """Return a page of the pairs in the dataset's report, and whether there are more."""
    datasets = DatasetRepository(session)
    report = _read_report(datasets.get(dataset_id))
    findings = index_findings(report)
    pairs = list_pairs_of(report, kind)
    page = pairs[after : after + limit]
    images = datasets.find_images(dataset_id, {path for pair in page for path in pair})
    return [
        ImagePair(
            id=position,
            first=_view_image(images[first], findings),
            second=_view_image(images[second], findings),
        )
        for position, (first, second) in enumerate(page, after + 1)
    ], len(pairs) > after + limit


def get_image(session: Session, dataset_id: str, image_id: int) -> DatasetImage:
    """Return an image; raises NotFound."""
    return DatasetRepository(session).get_image(dataset_id, image_id)


def choose_images(
    session: Session, dataset_id: str, *, split: Split, num_images: int, seed: int
) -> list[DatasetImage]:
    """Choose images of a split at random, without replacement; a seed gives the same choice.

    Returns all images of a smaller split. Raises NotFound, Conflict before the dataset is ready,
    and ValidationFailed for a split that the dataset does not have.
    """
    datasets = DatasetRepository(session)
    dataset = datasets.get(dataset_id)
    require_ready(dataset)
    if split not in dataset.splits:
        splits = tuple(sorted(dataset.splits))
        problem = f"The dataset has no {split} split; it has {' and '.join(splits)}."
        raise ValidationFailed(InputProblem(("query", "split"), problem, splits))
    image_ids = datasets.list_image_ids(dataset_id, split)
    drawn = random.Random(seed).sample(image_ids, min(num_images, len(image_ids)))  # noqa: S311 - not a secret
    return [datasets.get_image(dataset_id, image_id) for image_id in drawn]


def require_ready(dataset: Dataset) -> None:
    """Raise DatasetInvalid for an invalid dataset, and Conflict during the ingestion."""
    if dataset.status == "invalid":
        raise DatasetInvalid(f"{dataset.id} is invalid: {dataset.error_message}")
    if dataset.status != "ready":
        raise Conflict(f"{dataset.id} is still being ingested; try again once it is ready.")


def begin_ingestion(session: Session, dataset_id: str) -> None:
    """Record that a worker has started the ingestion, for the first time or again."""
    record_progress(session, dataset_id, "starting", 0, 0)


def record_progress(session: Session, dataset_id: str, stage: str, done: int, total: int) -> None:
    """Record the progress of the ingestion; done and total are bytes of the upload."""
    dataset = DatasetRepository(session).get(dataset_id)
    dataset.progress = {"stage": stage, "done": done, "total": total}


def accept_dataset(  # noqa: PLR0913 - the worker's results, by keyword
    session: Session,
    dataset_id: str,
    *,
    manifest_key: str,
    manifest_path: Path,
    digest: str,
    class_names: list[str],
    splits: dict[str, Any],
    report: dict[str, Any],
) -> None:
    """Mark the dataset as ready, and insert all its images."""
    datasets = DatasetRepository(session)
    dataset = datasets.get(dataset_id, lock=True)
    datasets.insert_images(dataset_id, read_manifest(manifest_path))
    dataset.status = "ready"
    dataset.manifest_key = manifest_key
    dataset.digest = digest
    dataset.class_names = class_names
    dataset.splits = splits
    dataset.report = report
    dataset.progress = {"stage": "done", "done": dataset.num_bytes, "total": dataset.num_bytes}


def record_label_errors(
    dataset: Dataset, label_errors: Sequence[LabelError], *, num_label_errors: int, job_id: str
) -> None:
    """Replace the suspected label errors in the dataset's report by those that a job found.

    label_errors are the first of num_label_errors. The dataset's row must be locked.
    """
    report = Report.model_validate(dataset.report)
    report.suspect_labels = list(label_errors)
    report.suspect_labels_job_id = job_id
    report.counts.suspect_labels = num_label_errors
    dataset.report = report.model_dump(mode="json")


def reject_dataset(session: Session, dataset_id: str, code: str, message: str) -> None:
    """Mark the dataset as invalid, with the reason."""
    dataset = DatasetRepository(session).get(dataset_id, lock=True)
    dataset.status = "invalid"
    dataset.error_code = code
    dataset.error_message = message


def _read_report(dataset: Dataset) -> Report:
    return Report.model_validate(dataset.report)


def _view_image(image: DatasetImage, findings: Mapping[str, list[Finding]]) -> ImageDetail:
    view = ImageDetail.model_validate(image)
    return view.model_copy(update={"findings": findings.get(image.path, [])})
