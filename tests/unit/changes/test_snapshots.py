"""What is noticed between two snapshots of a database, and what a snapshot costs."""

from collections.abc import Callable

import pytest

from app.changes.repository import SnapshotReader, read_snapshot
from app.changes.snapshot import Changes, Snapshot, compare, merge
from app.datasets import service as datasets
from app.db.base import new_id
from app.db.session import Database
from app.db.tables import Job, PredictionBatch
from app.jobs import lifecycle
from app.jobs import service as jobs
from app.serving import service as serving
from app.serving.schemas import ChooseModel
from app.settings import Settings
from app.storage import LocalStorage
from tests.datasets import add_dataset
from tests.many_rows import add_jobs
from tests.models import register_file
from tests.statements import recording
from tests.studies import StudyWorker


@pytest.fixture
def studies(either_database: Database, settings: Settings, storage: LocalStorage) -> StudyWorker:
    return StudyWorker(either_database, settings, storage)


def read(database: Database) -> Snapshot:
    with database.reading() as session:
        return read_snapshot(session)


def changes_of(database: Database, action: Callable[[], object]) -> Changes:
    before = read(database)
    action()
    return compare(before, read(database))


def add_batch(database: Database, status: str = "running") -> str:
    batch_id = new_id("pred")
    with database.transaction() as session:
        session.add(
            PredictionBatch(
                id=batch_id,
                status=status,
                model_name="ants",
                model_version=1,
                checkpoint_key="model",
                options={},
                progress={"done": 0},
                counts={},
                labels={},
            )
        )
    return batch_id


def change_batch(database: Database, batch_id: str, status: str, done: int) -> None:
    with database.transaction() as session:
        batch = session.get_one(PredictionBatch, batch_id)
        batch.status, batch.progress = status, {"done": done}


def test_nothing_changes_by_itself(either_database: Database) -> None:
    add_dataset(either_database)
    assert changes_of(either_database, lambda: None) == {}


def test_an_ingestion_is_followed_to_its_end(either_database: Database) -> None:
    ids: list[str] = []
    created = changes_of(
        either_database, lambda: ids.append(add_dataset(either_database, "ingesting"))
    )
    assert created == {"datasets": frozenset()}
    (dataset_id,) = ids

    def record() -> None:
        with either_database.transaction() as session:
            datasets.record_progress(session, dataset_id, "checking", 1, 2)

    def reject() -> None:
        with either_database.transaction() as session:
            datasets.reject_dataset(session, dataset_id, "ARCHIVE_INVALID", "truncated")

    def delete() -> None:
        with either_database.transaction() as session:
            datasets.delete_dataset(session, dataset_id)

    assert changes_of(either_database, record) == {"datasets": {dataset_id}}
    assert changes_of(either_database, reject) == {"datasets": {dataset_id}}
    assert changes_of(either_database, delete) == {"datasets": frozenset()}


def test_a_job_of_a_study_is_followed_to_its_end(studies: StudyWorker) -> None:
    database, dataset_id = studies.database, studies.dataset_id
    posted = changes_of(
        database, lambda: studies.post(base={"weights": "none"}, configurations=[{"name": "a"}])
    )
    assert posted == {"jobs": frozenset(), "studies": frozenset()}
    before = read(database)
    lease = studies.start()
    assert compare(before, read(database)) == {"jobs": frozenset(), "studies": frozenset()}
    with database.reading() as session:
        study_id = jobs.get_job(session, lease.subject_id).study_id

    def report_progress() -> None:
        with database.transaction() as session:
            lifecycle.record_progress(session, lease.subject_id, {"epoch": 1, "steps": 9})

    assert changes_of(database, report_progress) == {"jobs": {lease.subject_id}}
    assert changes_of(database, lambda: studies.record(lease, 1, [0.5])) == {
        "jobs": {lease.subject_id},
        "studies": {study_id},
    }
    assert changes_of(database, lambda: studies.finish(lease)) == {
        "jobs": {lease.subject_id},
        "studies": {study_id},
        "datasets": {dataset_id},
        "models": frozenset(),
        "serving": frozenset(),
    }


def test_a_cancelled_or_resumed_job_changes_the_list(either_database: Database) -> None:
    add_jobs(either_database, 10)

    def set_status(status: str) -> None:
        with either_database.transaction() as session:
            session.get_one(Job, f"job_{0:024d}").status = status

    for status in ("queued", "cancelled"):
        changes = changes_of(either_database, lambda status=status: set_status(status))  # type: ignore[misc]  # mypy infers no lambda defaults
        assert changes == {"jobs": frozenset()}


def test_the_deletion_of_one_of_many_finished_jobs_is_noticed(either_database: Database) -> None:
    add_jobs(either_database, 1000)
    with either_database.reading() as session:
        last = f"job_{999:024d}"
        assert jobs.get_job(session, last).status == "cancelled"

    def delete() -> None:
        with either_database.transaction() as session:
            jobs.delete_job(session, last)

    assert changes_of(either_database, delete) == {"jobs": frozenset()}


def test_a_batch_is_followed_to_its_end(either_database: Database) -> None:
    batch_id = add_batch(either_database, "queued")
    start = changes_of(
        either_database, lambda: change_batch(either_database, batch_id, "running", 0)
    )
    assert start == {"predictions": frozenset()}
    for status, done in (("running", 5), ("succeeded", 9)):
        changes = changes_of(
            either_database,
            lambda status=status, done=done: change_batch(either_database, batch_id, status, done),  # type: ignore[misc]  # as above
        )
        assert changes == {"predictions": {batch_id}}


def test_a_new_version_changes_what_is_served_only_for_its_model(
    either_database: Database,
) -> None:
    first = changes_of(either_database, lambda: register_file(either_database, "ants"))
    assert first == {"models": frozenset(), "serving": frozenset()}
    other = changes_of(either_database, lambda: register_file(either_database, "bees"))
    assert other == {"models": frozenset()}
    newer = changes_of(either_database, lambda: register_file(either_database, "ants"))
    assert newer == {"models": frozenset(), "serving": frozenset()}

    def choose() -> None:
        with either_database.transaction() as session:
            serving.choose_model(session, ChooseModel(model="bees:1"))

    assert changes_of(either_database, choose) == {"models": frozenset(), "serving": frozenset()}


def test_a_reader_on_sqlite_reads_only_after_a_commit(database: Database) -> None:
    reader = SnapshotReader(database)
    first = reader.read()
    with recording(database) as statements:
        assert reader.read() is first
    assert statements == []
    add_dataset(database)
    assert compare(first, reader.read()) == {"datasets": frozenset()}


def test_a_snapshot_reads_no_finished_jobs(database: Database) -> None:
    add_jobs(database, 1000)
    with recording(database) as statements:
        snapshot = read(database)
    assert snapshot.jobs == {}
    with database.reading() as session:
        for statement, parameters in statements:
            if not statement.startswith("SELECT"):
                continue
            plan = session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            steps = [row.detail for row in plan]
            scans = [step for step in steps if step.startswith("SCAN job")]
            # the newest rows are read from the end of an index, up to a limit
            assert all("USING COVERING INDEX" in step for step in scans), steps


def test_merged_changes_are_everything_if_either_is() -> None:
    first: Changes = {"jobs": frozenset({"job_1"}), "models": frozenset()}
    second: Changes = {"jobs": frozenset({"job_2"}), "models": frozenset({"x"})}
    assert merge(first, second) == {"jobs": {"job_1", "job_2"}, "models": frozenset()}
    assert merge({}, second) == second
