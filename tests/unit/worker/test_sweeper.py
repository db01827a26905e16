"""Deletion of unreferenced files."""

from datetime import timedelta

from sqlalchemy import select

from app.datasets.thumbnail_names import thumbnail_key
from app.db.base import now
from app.db.session import Database
from app.db.tables import (
    Dataset,
    DatasetImage,
    Job,
    JobReport,
    Model,
    ModelVersion,
    PredictionBatch,
)
from app.db.upload_table import ResumableUpload
from app.settings import Settings
from app.storage import LocalStorage
from app.uploads import service as uploads
from worker.sweeper import sweep


def write(storage: LocalStorage, *keys: str) -> None:
    for key in keys:
        with storage.new_file(key) as file:
            file.write(b"x")


def test_only_old_unreferenced_files_are_deleted(database: Database, storage: LocalStorage) -> None:
    kept = ["jobs/job_1/w-1/model.safetensors", "jobs/job_1/w-1/trust.safetensors"]
    write(storage, *kept, "jobs/job_1/w-1/epoch-0001.state.pt")
    with database.transaction() as session:
        session.add(Model(name="colors", last_version=1, labels={}))
        session.flush()
        session.add(
            ModelVersion(
                name="colors",
                version=1,
                job_id="job_1",
                checkpoint_key=kept[0],
                trust_key=kept[1],
                digest="0" * 64,
                num_bytes=1,
                architecture="resnet18",
                class_names=["a", "b"],
                input_size=224,
                val_accuracy=1.0,
            )
        )
    assert sweep(database, storage, min_age_seconds=3600) == 0
    assert sweep(database, storage, min_age_seconds=0) == 1
    assert sorted(storage.list_keys()) == kept


def test_files_of_a_batch_are_kept_while_it_needs_them(
    database: Database, storage: LocalStorage
) -> None:
    version = ["models/1", "models/1.trust"]  # its registration has been deleted meanwhile
    write(storage, *version, "uploads/pred_1", "predictions/1.jsonl", "predictions/1-0.jsonl")
    with database.transaction() as session:
        session.add(
            PredictionBatch(
                id="pred_1",
                status="running",
                model_name="colors",
                model_version=1,
                checkpoint_key=version[0],
                trust_key=version[1],
                upload_key="uploads/pred_1",
                part_keys=["predictions/1-0.jsonl"],
                options={},
                progress={},
                counts={},
                labels={},
            )
        )
    assert sweep(database, storage, min_age_seconds=0) == 1
    assert sorted(storage.list_keys()) == [*version, "predictions/1-0.jsonl", "uploads/pred_1"]
    write(storage, "predictions/1.jsonl")
    with database.transaction() as session:
        batch = session.get_one(PredictionBatch, "pred_1")
        batch.results_key, batch.finished_at = "predictions/1.jsonl", now()
        batch.upload_key, batch.part_keys = None, []
    assert sweep(database, storage, min_age_seconds=0) == 4
    assert list(storage.list_keys()) == ["predictions/1.jsonl"]


def test_the_predictions_of_a_job_are_kept(database: Database, storage: LocalStorage) -> None:
    key = "jobs/job_1/w-1/predictions.safetensors"
    write(storage, key, "jobs/job_1/w-0/predictions.safetensors")
    with database.transaction() as session:
        session.add(
            Job(
                id="job_1",
                dataset_id="ds_1",
                status="succeeded",
                config={},
                progress={},
                attempts=1,
                resume_epoch=1,
                model_name="ants",
                event_number=0,
                labels={},
            )
        )
        session.flush()
        session.add(JobReport(job_id="job_1", report={}, predictions_key=key))
    assert sweep(database, storage, min_age_seconds=0) == 1
    assert list(storage.list_keys()) == [key]


def test_thumbnails_are_kept_as_long_as_their_image(
    database: Database, storage: LocalStorage
) -> None:
    used, unused = "images/ab/abcd", "images/cd/cdef"
    write(storage, used, unused, thumbnail_key(used, 64), thumbnail_key(unused, 128))
    with database.transaction() as session:
        dataset = Dataset(
            id="ds_1",
            name="ants",
            status="ready",
            class_names=["ants"],
            splits={},
            progress={},
            report={},
            num_bytes=1,
            val_fraction=0.2,
            split_seed=0,
            labels={},
            upload_key="uploads/x",
        )
        session.add(dataset)
        session.flush()
        session.add(
            DatasetImage(
                dataset_id="ds_1",
                image_id=1,
                split="train",
                class_name="ants",
                path="ants/1.png",
                storage_key=used,
                sha256="ab",
                num_bytes=1,
                width=1,
                height=1,
            )
        )
    assert sweep(database, storage, min_age_seconds=0) == 2
    assert sorted(storage.list_keys()) == [used, "thumbnails/images/ab/abcd-64.jpg"]
    with database.transaction() as session:
        session.delete(session.get_one(Dataset, "ds_1"))
    assert sweep(database, storage, min_age_seconds=0) == 2
    assert list(storage.list_keys()) == []


def test_expired_uploads_are_deleted_and_others_kept(
    either_database: Database, storage: LocalStorage, settings: Settings
) -> None:
    ages = {"upl_new": 60, "upl_old": -60, "upl_used": -60}
    write(storage, *(f"uploads/{one}" for one in ages))
    with either_database.transaction() as session:
        for upload_id, seconds in ages.items():
            uploads.create_upload(
                session, settings, upload_id=upload_id, length=0, metadata_header=""
            )
            row = session.get_one(ResumableUpload, upload_id)
            row.expires_at = now() + timedelta(seconds=seconds)
        session.get_one(ResumableUpload, "upl_used").status = "used"
    sweep(either_database, storage, min_age_seconds=60)
    assert sorted(storage.list_keys()) == ["uploads/upl_new", "uploads/upl_used"]
    with either_database.reading() as session:
        assert [row.id for row in session.scalars(select(ResumableUpload))] == ["upl_new"]
    sweep(either_database, storage, min_age_seconds=0)  # the used file has no dataset here
    assert list(storage.list_keys()) == ["uploads/upl_new"]
