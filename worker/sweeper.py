"""Delete stored files without a reference, left by crashes, deletions and expired leases."""

import logging
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, select

from app.datasets.thumbnail_names import find_image_key
from app.db.session import Database
from app.db.tables import (
    AnalysisRequest,
    Dataset,
    DatasetImage,
    Job,
    JobReport,
    ModelVersion,
    PredictionBatch,
)
from app.jobs.states import TERMINAL
from app.storage import Storage

log = logging.getLogger(__name__)

MIN_AGE_SECONDS = 24 * 3600.0
"""Younger files are kept, because the attempt that wrote them may still commit a reference."""


def sweep(database: Database, storage: Storage, *, min_age_seconds: float = MIN_AGE_SECONDS) -> int:
    """Delete unreferenced files older than min_age_seconds; return their number.

    A thumbnail is deleted when its image is.
    """
    old = list(storage.list_keys(older_than_seconds=min_age_seconds))
    if not old:
        return 0
    with database.reading() as session:
        referenced = {key for query in _list_references() for key in session.scalars(query)}
        unfinished = PredictionBatch.finished_at.is_(None)
        for part_keys in session.scalars(select(PredictionBatch.part_keys).where(unfinished)):
            referenced.update(part_keys)
    # Listed again, because an ingestion may have renewed an old image that it will refer to.
    still_old = set(storage.list_keys(older_than_seconds=min_age_seconds))
    unreferenced = [
        key for key in old if (find_image_key(key) or key) not in referenced and key in still_old
    ]
    for key in unreferenced:
        storage.delete(key)
    if unreferenced:
        log.info("deleted %s unreferenced files", len(unreferenced))
    return len(unreferenced)


def _list_references() -> Iterator[Select[Any]]:
    yield select(Dataset.upload_key).where(Dataset.status == "ingesting")
    yield select(Dataset.manifest_key)
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
