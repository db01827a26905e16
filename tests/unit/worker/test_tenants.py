"""A worker finds the work of every tenant, and acts for the tenant of each item."""

from typing import Any

from sqlalchemy import select

from app.datasets import service as datasets
from app.db.serving_tables import Serving
from app.db.session import Database
from app.db.tables import (
    Dataset,
    DatasetImage,
    Epoch,
    Job,
    JobEvent,
    ModelVersion,
    RegistryEvent,
    WorkItem,
)
from app.db.tenancy import EVERY_TENANT, acting_for, current_tenant
from app.settings import Settings
from app.storage import LocalStorage
from tests.contract.datasets import PHOTOGRAPHS
from tests.models import register_file
from tests.unit.worker.attempts import begin_attempt
from worker.kinds import make_kinds
from worker.loop import WorkerLoop
from worker.protocol import EpochRow, EpochsDone, Trained
from worker.reaper import Reaper

EPOCH = EpochRow(
    epoch=1,
    train_loss=0.5,
    train_accuracy=0.7,
    val_loss=0.5,
    val_accuracy=0.75,
    learning_rate=0.1,
    seconds=1.0,
    images_per_second=4.0,
    is_best=True,
)


def list_tenants(database: Database, *tables: Any) -> set[str]:
    """Return the tenants of all rows of some tables."""
    with database.reading() as session:
        return {tenant for table in tables for tenant in session.scalars(select(table.tenant))}


def test_an_upload_is_ingested_for_its_tenant(
    database: Database, settings: Settings, storage: LocalStorage
) -> None:
    key = "tenants/alpha/uploads/ds_1"
    with storage.new_file(key) as file:
        file.write(PHOTOGRAPHS)
    with acting_for("alpha"), database.transaction() as session:
        datasets.create_dataset(
            session,
            dataset_id="ds_1",
            name="ants",
            upload_key=key,
            num_bytes=len(PHOTOGRAPHS),
            val_fraction=0.2,
            split_seed=0,
            labels={},
        )
    assert current_tenant() == EVERY_TENANT
    loop = WorkerLoop(settings, "cpu")
    loop.take_work()
    loop.database.close()
    with database.reading() as session:
        dataset = session.scalars(select(Dataset)).one()
        assert (dataset.status, dataset.tenant) == ("ready", "alpha")
        images = session.scalars(select(DatasetImage)).all()
        assert len(images) == 16
    assert list_tenants(database, DatasetImage, WorkItem) == {"alpha"}
    keys = [dataset.manifest_key, *(image.storage_key for image in images)]
    assert all(str(one).startswith("tenants/alpha/") for one in keys)
    assert all(one.startswith("tenants/alpha/") for one in storage.list_keys())


def test_a_model_is_registered_for_the_tenant_of_its_job(
    either_database: Database, settings: Settings, storage: LocalStorage
) -> None:
    register_file(either_database, "colors", "jobs/of-default/model.safetensors")
    with acting_for("alpha"):
        recorder = begin_attempt(either_database, storage, settings)
    assert recorder.lease.tenant == "alpha"
    recorder.beat()
    recorder.record(EpochsDone(rows=[EPOCH], state_key="state", best_key="best"))
    recorder.record(
        Trained(
            best_epoch=1,
            model_key="model",
            model_digest="ab",
            num_bytes=1,
            report=None,
            trust_key=None,
            predictions_key=None,
        )
    )
    assert recorder.outcome == "finished"
    assert list_tenants(either_database, Job, Epoch, JobEvent, WorkItem) == {"alpha"}
    assert list_tenants(either_database, ModelVersion) == {"default", "alpha"}
    assert list_tenants(either_database, RegistryEvent) == {"default", "alpha"}
    assert list_tenants(either_database, Serving) == {"default", "alpha"}
    with acting_for("alpha"), either_database.reading() as session:
        version = session.scalars(select(ModelVersion)).one()
        assert version.version == 1, "versions are numbered in each tenant"


def test_an_expired_lease_fails_the_job_of_its_tenant(
    either_database: Database, settings: Settings, storage: LocalStorage
) -> None:
    with acting_for("alpha"):
        begin_attempt(either_database, storage, settings)
    moments = iter(range(0, 100_000, 20))
    reaper = Reaper(
        either_database,
        make_kinds(settings, storage),
        storage,
        lease_seconds=50,
        clock=lambda: float(next(moments)),
    )
    for _ in range(5):
        reaper.check()
    with either_database.reading() as session:
        assert session.scalars(select(Job.status)).one() == "queued"
        assert "requeued" in session.scalars(select(JobEvent.type)).all()
    assert list_tenants(either_database, JobEvent) == {"alpha"}
