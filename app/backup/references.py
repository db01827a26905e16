"""List the stored files that the rows of the database refer to."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.db.tables import (
    AnalysisRequest,
    Dataset,
    DatasetImage,
    Job,
    JobReport,
    ModelVersion,
    PredictionBatch,
)
from app.db.upload_table import ResumableUpload
from app.jobs.states import TERMINAL


def list_referenced_keys(session: Session) -> set[str]:
    """Return the storage keys of all files that are needed; thumbnails are made again."""
    keys = {key for query in _list_references() for key in session.scalars(query) if key}
    for part_keys in session.scalars(_unfinished_parts()):
        keys.update(part_keys)
    return keys


def list_short_lived_keys(session: Session) -> set[str]:
    """Return those that running work replaces or deletes, such as the state after an epoch."""
    queries: tuple[Select[Any], ...] = (
        select(Dataset.upload_key).where(Dataset.status == "ingesting"),
        select(Job.state_key).where(Job.status.not_in(TERMINAL)),
        select(Job.best_key).where(Job.status.not_in(TERMINAL)),
        select(PredictionBatch.upload_key).where(PredictionBatch.finished_at.is_(None)),
    )
    keys = {key for query in queries for key in session.scalars(query) if key}
    for part_keys in session.scalars(_unfinished_parts()):
        keys.update(part_keys)
    return keys


def list_growing_keys(session: Session) -> dict[str, int]:
    """Return the keys of unfinished uploads, and how many bytes of each are recorded.

    Theirs are the only files that change.
    """
    query = select(ResumableUpload.storage_key, ResumableUpload.offset)
    rows = session.execute(query.where(ResumableUpload.status != "used"))
    return {row.storage_key: row.offset for row in rows}


def _unfinished_parts() -> Select[Any]:
    return select(PredictionBatch.part_keys).where(PredictionBatch.finished_at.is_(None))


def _list_references() -> Iterator[Select[Any]]:
    yield select(Dataset.upload_key).where(Dataset.status == "ingesting")
    yield select(Dataset.manifest_key)
    yield select(ResumableUpload.storage_key).where(ResumableUpload.status != "used")
    yield select(DatasetImage.storage_key).distinct()
    yield select(Job.state_key)
    yield select(Job.best_key)
    yield select(Job.base_model_key).where(Job.status.not_in(TERMINAL))
    yield select(JobReport.predictions_key)
    yield select(AnalysisRequest.file_key)
    yield select(ModelVersion.checkpoint_key)
    yield select(PredictionBatch.upload_key)
    yield select(PredictionBatch.results_key)
    unfinished = PredictionBatch.finished_at.is_(None)
    yield select(PredictionBatch.checkpoint_key).where(unfinished)
    yield select(PredictionBatch.trust_key).where(unfinished)
    yield select(PredictionBatch.quantized_key).where(unfinished)
    yield select(ModelVersion.trust_key)
    yield select(ModelVersion.quantized_key)
