"""The overview's findings, and what it costs."""

from datetime import timedelta

from sqlalchemy import text, update

from app.datasets import service as datasets
from app.db.base import now
from app.db.session import Database
from app.db.tables import Dataset, Job, ModelAlias
from app.models import events
from app.overview.schemas import Finding, Overview
from app.overview.service import MAX_FINDINGS, get_overview
from tests.datasets import add_dataset
from tests.evaluations import register_versions
from tests.many_rows import add_jobs
from tests.statements import recording


def read(database: Database) -> Overview:
    with database.reading() as session:
        return get_overview(session)


def kinds(database: Database) -> list[tuple[str, str]]:
    return [(one.kind, one.subject) for one in read(database).attention]


def set_counts(database: Database, dataset_id: str, **counts: int) -> None:
    with database.transaction() as session:
        dataset = datasets.get_dataset(session, dataset_id, lock=True)
        dataset.report = {"counts": {"images": 24, **counts}}


def refuse(database: Database, version: int) -> None:
    with database.transaction() as session:
        events.append(
            session,
            "ants",
            "promotion_refused",
            version=version,
            alias="champion",
            payload={"verdict": {"reasons": ["It is significantly worse."]}},
        )


def promote(database: Database, version: int) -> None:
    with database.transaction() as session:
        session.merge(ModelAlias(name="ants", alias="champion", version=version))
        events.append(session, "ants", "alias_moved", version=version, alias="champion")


def test_an_empty_service_has_zeros(either_database: Database) -> None:
    overview = read(either_database)
    assert overview.datasets.model_dump() == {
        "total": 0,
        "ingesting": 0,
        "ready": 0,
        "invalid": 0,
        "num_images": 0,
    }
    assert (overview.jobs.total, overview.models.versions, overview.serving) == (0, 0, None)
    assert overview.attention == []


def test_images_of_ready_datasets_are_counted(either_database: Database) -> None:
    add_dataset(either_database, num_train=100, num_val=20)
    three_splits = add_dataset(either_database)
    with either_database.transaction() as session:
        splits = {split: {"num_images": 1} for split in ("train", "val", "test")}
        session.execute(update(Dataset).where(Dataset.id == three_splits).values(splits=splits))
    add_dataset(either_database, "ingesting")
    add_dataset(either_database, "invalid")
    counts = read(either_database).datasets
    assert (counts.total, counts.ready, counts.ingesting, counts.invalid) == (4, 2, 1, 1)
    assert counts.num_images == 123


def test_findings_of_datasets_say_how_many_images(either_database: Database) -> None:
    dataset_id = add_dataset(either_database)
    set_counts(either_database, dataset_id, leaked=1, near_leaked=0, suspect_labels=1200)
    invalid = add_dataset(either_database, "invalid")
    assert [(one.kind, one.subject, one.detail) for one in read(either_database).attention] == [
        ("dataset_invalid", invalid, "one class"),
        ("leaked", dataset_id, "1 validation image is also in train; accuracy looks too high."),
        ("suspect_labels", dataset_id, "1,200 training images are probably labelled wrongly."),
    ]


def test_jobs_that_failed_lately_are_found_until_they_are_resumed(
    either_database: Database,
) -> None:
    add_jobs(either_database, 10)
    (recent, *_) = [job for job in read(either_database).attention if job.kind == "job_failed"]
    assert recent.subject == f"job_{8:024d}"
    assert (recent.title, recent.detail) == ("model-1", "The loss was no longer a finite number.")
    assert kinds(either_database) == [("job_failed", recent.subject)]
    with either_database.transaction() as session:
        job = session.get_one(Job, recent.subject)
        job.status, job.finished_at = "queued", None
    assert kinds(either_database) == []


def test_a_failure_is_forgotten_after_a_week(either_database: Database) -> None:
    add_jobs(either_database, 5)
    with either_database.transaction() as session:
        session.execute(update(Job).values(finished_at=now() - timedelta(days=8)))
    assert kinds(either_database) == []


def test_a_refused_promotion_is_found_while_it_is_the_newest_version(
    either_database: Database,
) -> None:
    register_versions(either_database, 2)
    refuse(either_database, 1)
    assert kinds(either_database) == []
    refuse(either_database, 2)
    refuse(either_database, 2)
    (finding,) = read(either_database).attention
    assert (finding.kind, finding.subject) == ("gate_failed", "ants")
    assert finding.detail == "Version 2 did not pass the gate. It is significantly worse."
    register_versions(either_database, 1)
    assert kinds(either_database) == []


def test_a_version_that_was_champion_after_its_refusal_is_not_found(
    either_database: Database,
) -> None:
    register_versions(either_database, 2)
    refuse(either_database, 2)
    promote(either_database, 2)
    assert kinds(either_database) == []
    promote(either_database, 1)  # a rollback
    assert kinds(either_database) == []
    refuse(either_database, 2)
    assert kinds(either_database) == [("gate_failed", "ants")]


def test_findings_are_the_newest_and_bounded(either_database: Database) -> None:
    add_jobs(either_database, 1000)
    add_dataset(either_database, "invalid")
    findings = read(either_database).attention
    assert len(findings) == MAX_FINDINGS
    assert findings[0].kind == "dataset_invalid"
    assert findings == sorted(findings, key=_moment, reverse=True)


def _moment(finding: Finding) -> float:
    return finding.created_at.timestamp()


def test_many_rows_need_no_more_statements(either_database: Database) -> None:
    add_dataset(either_database)
    with recording(either_database) as few:
        read(either_database)
    add_jobs(either_database, 100_000)
    with recording(either_database) as many:
        overview = read(either_database)
    assert (overview.jobs.total, overview.jobs.failed, overview.jobs.queued) == (100_000, 20_000, 0)
    assert len(many) == len(few) < 20


def test_jobs_are_counted_through_indexes(database: Database) -> None:
    add_jobs(database, 1000)
    with recording(database) as statements:
        read(database)
    selects = [one for one in statements if one[0].startswith("SELECT") and "job" in one[0]]
    assert len(selects) >= 3
    with database.reading() as session:
        for statement, parameters in selects:
            plan = session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            steps = [row.detail for row in plan]
            assert [step for step in steps if step.startswith("SCAN job")] == [
                step for step in steps if step.startswith("SCAN job USING COVERING INDEX")
            ]
        assert session.scalar(text("SELECT count(*) FROM job")) == 1000
