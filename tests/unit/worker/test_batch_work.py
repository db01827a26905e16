"""The worker's part of batch predictions."""

import pytest
from sqlalchemy import select

from app.batches import service as batches
from app.batches.schemas import BatchRequest
from app.db.session import Database
from app.db.tables import Dataset, PredictionBatch
from app.predictions.schemas import PredictOptions
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from app.tasks.service import Lease
from app.tenants.service import get_use
from tests.datasets import add_dataset
from tests.models import NO_FILE, register_file
from worker.batches.config import ArchiveSource, BatchConfig, DatasetSource
from worker.batches.work import BatchWork
from worker.kinds import begin as begin_work
from worker.protocol import PartPredicted, Predicted

COUNTS = {"images": 3, "failed": 1, "labelled": 2, "right": 1, "per_label": {"ants": 2}}


@pytest.fixture
def kind(settings: Settings, storage: LocalStorage) -> BatchWork:
    return BatchWork(settings, storage)


def post_archive(database: Database) -> str:
    register_file(database)
    with database.transaction() as session:
        return batches.predict_archive(
            session,
            batch_id="pred_1",
            upload_key="uploads/pred_1",
            num_bytes=700,
            model=None,
            options=PredictOptions(top_k=2),
            labels={},
        ).id


def begin(database: Database, kind: BatchWork) -> tuple[Lease, BatchConfig | None]:
    with database.transaction() as session:
        lease = work.claim(session, "predict", "me")
        assert lease is not None
        command, _ = begin_work({"predict": kind}, session, lease)
    return lease, BatchConfig.model_validate_json(command.configuration) if command else None


def write(kind: BatchWork, key: str) -> None:
    """Store 10 bytes of results, as the child does before it reports them."""
    with kind.storage.new_file(key) as file:
        file.write(b"0123456789")


def find(database: Database) -> PredictionBatch:
    with database.reading() as session:
        return session.scalars(select(PredictionBatch)).one()


def test_every_attempt_writes_its_own_results(either_database: Database, kind: BatchWork) -> None:
    batch_id = post_archive(either_database)
    lease, first = begin(either_database, kind)
    assert first is not None
    assert isinstance(first.source, ArchiveSource)
    assert (first.source.upload_key, first.options.top_k) == ("uploads/pred_1", 2)
    assert first.digest == NO_FILE.digest
    with either_database.transaction() as session:
        work.record_crash(session, lease)
        assert kind.requeue(session, batch_id, "it crashed")
    assert find(either_database).status == "queued"
    again, second = begin(either_database, kind)
    assert second is not None
    assert second.results_key != first.results_key
    with either_database.transaction() as session:
        write(kind, second.results_key)
        message = Predicted(results_key=second.results_key, counts=COUNTS)
        assert kind.record(session, again, message) == ["uploads/pred_1"]
        work.finish(session, again)
    batch = find(either_database)
    assert (batch.status, batch.results_key) == ("succeeded", second.results_key)
    assert batch.finished_at is not None
    with either_database.transaction() as session, pytest.raises(work.StaleLeaseError):
        work.require_lease(session, lease)


def test_the_next_attempt_gets_the_parts(either_database: Database, kind: BatchWork) -> None:
    batch_id = post_archive(either_database)
    for number, told in enumerate([[], ["predictions/0"], ["predictions/0", "predictions/1"]]):
        lease, config = begin(either_database, kind)
        assert config is not None
        assert config.part_keys == told
        with either_database.transaction() as session:
            write(kind, f"predictions/{number}")
            message = PartPredicted(part_key=f"predictions/{number}")
            assert kind.record(session, lease, message) == []
            # a batch that gets on is not given up, however often its process dies
            assert work.record_crash(session, lease)[0].strikes == 1
            assert kind.requeue(session, batch_id, "it crashed")
    with either_database.transaction() as session:
        _, unneeded = batches.cancel_batch(session, batch_id)
        parts = [f"predictions/{number}" for number in range(3)]
        assert unneeded == ["uploads/pred_1", *parts]
    assert find(either_database).part_keys == []


def test_a_finished_batch_records_no_results(database: Database, kind: BatchWork) -> None:
    batch_id = post_archive(database)
    lease, config = begin(database, kind)
    assert config is not None
    with database.transaction() as session:
        batches.cancel_batch(session, batch_id)
        write(kind, "predictions/0")
        assert kind.record(session, lease, PartPredicted(part_key="predictions/0")) == [
            "predictions/0"
        ]
        write(kind, config.results_key)
        message = Predicted(results_key=config.results_key, counts=COUNTS)
        assert kind.record(session, lease, message) == [config.results_key]
        assert kind.fail(session, batch_id, "CHILD_CRASHED", "too late") == []
    batch = find(database)
    assert (batch.status, batch.results_key, batch.error_code) == ("cancelled", None, None)


def test_the_archive_of_a_failed_batch_is_deleted(database: Database, kind: BatchWork) -> None:
    batch_id = post_archive(database)
    begin(database, kind)
    with database.transaction() as session:
        assert kind.fail(session, batch_id, "ARCHIVE_INVALID", "no") == ["uploads/pred_1"]
    batch = find(database)
    assert (batch.status, batch.error_code, batch.upload_key) == ("failed", "ARCHIVE_INVALID", None)


def test_the_split_is_checked_after_the_dataset(database: Database, kind: BatchWork) -> None:
    register_file(database)
    dataset_id = add_dataset(database, "ingesting")
    for split in ("val", "test"):
        request = BatchRequest.model_validate({"dataset_id": dataset_id, "split": split})
        with database.transaction() as session:
            batches.predict_dataset(session, request)
    with database.transaction() as session:
        dataset = session.get_one(Dataset, dataset_id)
        dataset.status, dataset.manifest_key = "ready", "datasets/1/manifest.jsonl"
    _, config = begin(database, kind)
    assert config is not None
    expected = DatasetSource(manifest_key="datasets/1/manifest.jsonl", split="val")
    assert config.source == expected
    assert begin(database, kind)[1] is None
    with database.reading() as session:
        failed = session.scalars(select(PredictionBatch).order_by(PredictionBatch.id)).all()[1]
    assert (failed.status, failed.error_code) == ("failed", "VALIDATION")


def used(database: Database) -> int:
    """Return the bytes of the tenant's batches, without the model of 1,000 bytes."""
    with database.reading() as session:
        return get_use(session, "default").num_bytes - NO_FILE.num_bytes


def test_the_quota_counts_what_a_batch_stores(either_database: Database, kind: BatchWork) -> None:
    batch_id = post_archive(either_database)
    assert used(either_database) == 700
    lease, config = begin(either_database, kind)
    assert config is not None
    for key in ("predictions/0", "predictions/1"):
        write(kind, key)
        with either_database.transaction() as session:
            kind.record(session, lease, PartPredicted(part_key=key))
    assert used(either_database) == 720
    write(kind, config.results_key)
    with either_database.transaction() as session:
        kind.record(session, lease, Predicted(results_key=config.results_key, counts=COUNTS))
        work.finish(session, lease)
    assert used(either_database) == 10, "the archive and the parts are deleted"
    with either_database.transaction() as session:
        batches.delete_batch(session, batch_id)
    assert used(either_database) == 0


def test_the_quota_counts_no_failed_batch(either_database: Database, kind: BatchWork) -> None:
    batch_id = post_archive(either_database)
    begin(either_database, kind)
    with either_database.transaction() as session:
        kind.fail(session, batch_id, "ARCHIVE_INVALID", "no")
    assert used(either_database) == 0
