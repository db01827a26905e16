"""Removes files that nothing refers to: what crashes, deletions and lost leases leave behind."""

import logging
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, select

from app.db.session import Database
from app.db.tables import AnalysisRequest, Dataset, DatasetImage, Job, ModelVersion, PredictionBatch
from app.jobs.states import TERMINAL
from app.storage import Storage

log = logging.getLogger(__name__)

MIN_AGE_SECONDS = 24 * 3600.0
"""A file that was just written may be about to be referred to: no attempt waits a day with that."""


def sweep(database: Database, storage: Storage, *, min_age_seconds: float = MIN_AGE_SECONDS) -> int:
    """Delete unreferenced files of some age; answers how many."""
    old = list(storage.list_keys(older_than_seconds=min_age_seconds))
    if not old:
        return 0
    with database.reading() as session:
        referenced = {key for query in _list_references() for key in session.scalars(query)}
        unfinished = PredictionBatch.finished_at.is_(None)
        for part_keys in session.scalars(select(PredictionBatch.part_keys).where(unfinished)):
            referenced.update(part_keys)
    # Looked at again: an ingestion may have renewed an old image that it is about to refer to.
    still_old = set(storage.list_keys(older_than_seconds=min_age_seconds))
    unreferenced = [key for key in old if key not in referenced and key in still_old]
    for key in unreferenced:
        storage.delete(key)
    if unreferenced:
        log.info("swept %s files that nothing refers to", len(unreferenced))
    return len(unreferenced)


def _list_references() -> Iterator[Select[Any]]:
    yield select(Dataset.upload_key).where(Dataset.status == "ingesting")
    yield select(Dataset.manifest_key)
    yield select(DatasetImage.storage_key).distinct()
    yield select(Job.state_key)
    yield select(Job.best_key)
    yield select(Job.base_model_key).where(Job.status.not_in(TERMINAL))
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
