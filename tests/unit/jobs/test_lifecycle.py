"""Recording what a worker reports, on both kinds of database."""

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from app.db.session import Database
from app.db.tables import Dataset, Epoch, Job, JobReport, ModelVersion
from app.errors import IllegalTransition
from app.history.curves import make_curve
from app.history.views import view_history
from app.jobs import service
from app.jobs.lifecycle import begin_attempt, complete_job, record_epochs, record_start
from app.jobs.report_schemas import Report
from app.jobs.schemas import Best, ResolvedHeadStart, ResolvedTraining
from app.jobs.views import view_job
from app.recipes.schemas import JobRequest
from app.reports.service import view_report
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from tests.datasets import add_dataset
from tests.reports import finish_job, make_report, suspect


def post_job(database: Database, settings: Settings) -> str:
    dataset_id = add_dataset(
        database,
        class_names=["ants", "bees"],
        splits={
            "train": {"num_images": 12, "per_class": {"ants": 6, "bees": 6}},
            "val": {"num_images": 4, "per_class": {"ants": 2, "bees": 2}},
        },
        report={"ignored": [{"path": "x.txt", "reason": "a text"}]},
        digest="ab",
        manifest_key="manifest",
    )
    with database.transaction() as session:
        request = JobRequest(dataset_id=dataset_id, weights="none")
        return service.create_job(session, request, settings).id


def test_the_report_is_stored_with_the_model(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    job_id = post_job(either_database, settings)
    report = make_report(suspects=[suspect(3)])
    assert finish_job(either_database, storage, settings, report) == job_id
    with either_database.reading() as session:
        job = session.get_one(Job, job_id)
        shown = view_report(session, job)
        dataset = session.get_one(Dataset, job.dataset_id)
    assert shown.calibration == report.calibration
    assert shown.mistakes[0].thumbnail_url is not None
    assert dataset.report["ignored"] == [{"path": "x.txt", "reason": "a text"}]
    assert [one["image_id"] for one in dataset.report["suspect_labels"]] == [3]


def test_a_version_has_its_trust_file_and_calibration(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    post_job(either_database, settings)
    report = make_report()
    finish_job(either_database, storage, settings, report)
    with either_database.reading() as session:
        (version,) = session.scalars(select(ModelVersion)).all()
    assert version.trust_key == "trust"
    assert version.calibration == {
        "temperature": report.calibration.temperature,
        "num_images": report.num_images,
    }


def test_the_files_of_a_cancelled_job_are_returned_for_deletion(
    database: Database, settings: Settings
) -> None:
    job_id = post_job(database, settings)
    with database.transaction() as session:
        session.get_one(Job, job_id).status = "cancelling"
        superseded = complete_job(
            session,
            job_id,
            model_key="model",
            model_digest="ab",
            num_bytes=1,
            report=None,
            trust_key="trust",
            predictions_key="predictions",
        )
    assert set(superseded) == {"model", "trust", "predictions"}


def test_report_and_model_are_stored_in_one_transaction(
    database: Database, storage: LocalStorage, settings: Settings
) -> None:
    job_id = post_job(database, settings)
    with database.transaction() as session:
        dataset = session.get_one(Dataset, session.get_one(Job, job_id).dataset_id)
        dataset.report = {"damaged": True}
    with pytest.raises(ValidationError, match="damaged"):
        finish_job(database, storage, settings, make_report(suspects=[]))
    with database.reading() as session:
        assert session.scalars(select(ModelVersion)).all() == []
        assert session.scalars(select(JobReport)).all() == []


def test_a_stored_report_can_be_read(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    job_id = post_job(either_database, settings)
    finish_job(either_database, storage, settings, make_report())
    with either_database.reading() as session:
        row = session.get_one(JobReport, job_id)
    assert Report.model_validate(row.report) == make_report()


START = ResolvedTraining(
    device="cpu",
    head_start=ResolvedHeadStart(
        l2_strength=0.1,
        cv_accuracy=0.8,
        val_accuracy=0.75,
        val_balanced_accuracy=0.7,
        val_loss=0.5,
    ),
)
START_BEST = Best(epoch=0, val_accuracy=0.75, val_balanced_accuracy=0.7, val_loss=0.5)


def add_epoch(database: Database, job_id: str, epoch: int, *, accuracy: float, best: bool) -> None:
    row = Epoch(
        job_id=job_id,
        epoch=epoch,
        train_loss=0.5,
        train_accuracy=0.7,
        val_loss=0.6,
        val_accuracy=accuracy,
        val_balanced_accuracy=accuracy - 0.1,
        learning_rate=0.1,
        seconds=1.0,
        images_per_second=4.0,
    )
    with database.transaction() as session:
        session.get_one(Job, job_id).progress = {"epochs": 2, "steps": 1}
        record_epochs(
            session,
            job_id,
            [row],
            improved=[epoch] if best else [],
            state_key="state",
            best_key="best",
        )


def test_a_solved_head_is_the_best_until_an_epoch_is_better(
    either_database: Database, settings: Settings
) -> None:
    job_id = post_job(either_database, settings)
    seen = []

    def read_best() -> None:
        with either_database.reading() as session:
            job = session.get_one(Job, job_id)
            rows = view_history(session, job).data
            seen.append((view_job(session, job).best, [row.epoch for row in rows if row.is_best]))
            assert make_curve(session, job).start == START_BEST

    with either_database.transaction() as session:
        record_start(session, job_id, START, {})
    read_best()
    add_epoch(either_database, job_id, 1, accuracy=0.5, best=False)
    read_best()
    add_epoch(either_database, job_id, 2, accuracy=0.9, best=True)
    read_best()
    with either_database.transaction() as session:
        record_start(session, job_id, START, {})  # a resumed attempt
    read_best()
    second = Best(epoch=2, val_accuracy=0.9, val_balanced_accuracy=0.8, val_loss=0.6)
    assert seen == [(START_BEST, []), (START_BEST, []), (second, [2]), (second, [2])]


def test_a_solved_head_is_registered_if_no_epoch_is_better(
    database: Database, settings: Settings
) -> None:
    job_id = post_job(database, settings)
    with database.transaction() as session:
        session.get_one(Job, job_id).status = "running"
        record_start(session, job_id, START, {})
    add_epoch(database, job_id, 1, accuracy=0.5, best=False)
    with database.transaction() as session:
        complete_job(
            session,
            job_id,
            model_key="model",
            model_digest="ab",
            num_bytes=1,
            report=None,
            trust_key=None,
            predictions_key=None,
        )
    with database.reading() as session:
        (version,) = session.scalars(select(ModelVersion)).all()
        job = view_job(session, session.get_one(Job, job_id))
    assert (version.val_accuracy, version.val_balanced_accuracy) == (0.75, 0.7)
    assert job.best == START_BEST
    assert job.resolved is not None
    assert job.resolved.head_start == START.head_start


def test_without_a_solved_head_there_is_no_best_before_the_first_epoch(
    database: Database, settings: Settings
) -> None:
    job_id = post_job(database, settings)
    with database.transaction() as session:
        record_start(session, job_id, ResolvedTraining(device="cpu"), {})
    with database.reading() as session:
        assert view_job(session, session.get_one(Job, job_id)).best is None


def test_a_job_that_runs_cannot_be_resumed(either_database: Database, settings: Settings) -> None:
    """Its worker would get a rival."""
    job_id = post_job(either_database, settings)
    with either_database.transaction() as session:
        assert work.claim(session, "train", "me") is not None
        begin_attempt(session, job_id, 1)
    for status in ("running", "cancelling"):
        with (
            pytest.raises(IllegalTransition, match=f"A {status} job cannot be resumed"),
            either_database.transaction() as session,
        ):
            service.resume_job(session, job_id, settings)
        with either_database.transaction() as session:
            assert service.get_job(session, job_id).status == status
            if status == "running":
                service.cancel_job(session, job_id)
