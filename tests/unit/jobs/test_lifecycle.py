"""What a worker reports of a job's end, on both kinds of database."""

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from app.db.base import new_id
from app.db.session import Database
from app.db.tables import Dataset, Job, JobReport, ModelVersion
from app.jobs import service
from app.jobs.lifecycle import complete_job
from app.jobs.report_schemas import Report
from app.recipes.schemas import JobRequest
from app.reports.service import view_report
from app.settings import Settings
from app.storage import LocalStorage
from tests.reports import finish_job, make_report, suspect


def post_job(database: Database, settings: Settings) -> str:
    with database.transaction() as session:
        dataset = Dataset(
            id=new_id("ds"),
            name="insects",
            status="ready",
            class_names=["ants", "bees"],
            splits={
                "train": {"num_images": 12, "per_class": {"ants": 6, "bees": 6}},
                "val": {"num_images": 4, "per_class": {"ants": 2, "bees": 2}},
            },
            progress={},
            report={"ignored": [{"path": "x.txt", "reason": "a text"}]},
            digest="ab",
            num_bytes=1,
            val_fraction=0.2,
            split_seed=0,
            labels={},
            upload_key="uploads/x",
            manifest_key="manifest",
        )
        session.add(dataset)
        session.flush()
        request = JobRequest(dataset_id=dataset.id, weights="none")
        return service.create_job(session, request, settings).id


def test_the_report_comes_with_the_model(
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


def test_a_version_knows_its_trust_file_and_how_it_is_calibrated(
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


def test_a_cancelled_jobs_files_are_given_back(database: Database, settings: Settings) -> None:
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
        )
    assert set(superseded) == {"model", "trust"}


def test_report_and_model_are_kept_together_or_not_at_all(
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


def test_what_is_stored_can_be_read_again(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    job_id = post_job(either_database, settings)
    finish_job(either_database, storage, settings, make_report())
    with either_database.reading() as session:
        row = session.get_one(JobReport, job_id)
    assert Report.model_validate(row.report) == make_report()
