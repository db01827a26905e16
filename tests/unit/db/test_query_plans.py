"""Every filter of a list reads an index in the order of the page, on both databases.

A plan with a sort, or with a scan of a table's rows, takes longer with every row.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.batches.repository import BatchRepository
from app.datasets.repository import DatasetRepository
from app.db.base import Base
from app.db.lookups import JobLabel
from app.db.session import Database
from app.db.study_tables import Study
from app.db.tables import (
    Dataset,
    DatasetImage,
    Epoch,
    Job,
    Model,
    PredictionBatch,
    RegistryEvent,
    WorkItem,
)
from app.db.tenancy import DEFAULT_TENANT, acting_for
from app.jobs.repository import JobRepository
from app.models import events
from app.models.repository import ModelRepository
from app.studies.repository import StudyRepository
from app.tasks.repository import WorkRepository
from tests.many_rows import add_jobs
from tests.servers import create_database
from tests.statements import recording

NUM_ROWS = 3000

Query = Callable[[Session], object]


def jobs(**filters: Any) -> Query:
    none = {"statuses": (), "dataset_id": None, "study_id": None, "model_name": None, "text": None}
    given = {"limit": 20, "after": None, "labels": {}} | none | filters
    return lambda session: JobRepository(session).list_page(**given)


def datasets(**filters: Any) -> Query:
    given = {"limit": 20, "after": None} | filters
    return lambda session: DatasetRepository(session).list_page(**given)


def images(**filters: Any) -> Query:
    none = {"split": None, "class_name": None, "path_part": None, "paths": None}
    given = {"limit": 20, "after": 0} | none | filters
    return lambda session: DatasetRepository(session).list_images("ds_000", **given)


def batches(**filters: Any) -> Query:
    given = {"limit": 20, "after": None, "status": None, "dataset_id": None} | filters
    return lambda session: BatchRepository(session).list_page(**given)


LISTS: dict[str, Query] = {
    "jobs": jobs(),
    "jobs after": jobs(after="job_000000000000000000001000"),
    "jobs by status": jobs(statuses=("failed",)),
    "jobs by dataset": jobs(dataset_id="ds_0"),
    "jobs by study": jobs(study_id="study_0"),
    "jobs by model": jobs(model_name="model-1"),
    "jobs by metadata": jobs(labels={"team": "ants"}),
    "jobs by rare metadata": jobs(labels={"team": "bees"}),
    "jobs by status and dataset": jobs(statuses=("failed",), dataset_id="ds_0"),
    "datasets": datasets(),
    "datasets by status": datasets(statuses=("ready",)),
    "images": images(),
    "images by split": images(split="val"),
    "images by class": images(class_name="ants"),
    "images by split and class": images(split="val", class_name="ants", after=100),
    "batches": batches(),
    "batches by status": batches(status="cancelled"),
    "batches by dataset": batches(dataset_id="ds_rare"),
    "studies": lambda session: StudyRepository(session).list_page(limit=20, after=None, text=None),
    "searches": lambda session: StudyRepository(session).list_asking(),
    "models": lambda session: ModelRepository(session).list_models(limit=20, after="a"),
    "events": lambda session: events.list_events(session, "rare", limit=20, after=None),
}

INDEXES = {
    "jobs by status": "ix_job_tenant_status",
    "jobs by dataset": "ix_job_dataset_id",
    "jobs by study": "ix_job_study_id",
    "jobs by model": "ix_job_model_name",
    "jobs by metadata": "ix_job_label_value",
    "jobs by rare metadata": "ix_job_label_value",
    "jobs by status and dataset": "ix_job_",
    "datasets by status": "ix_dataset_status",
    "images by split": "ix_dataset_image_split",
    "images by class": "ix_dataset_image_class",
    "images by split and class": "ix_dataset_image_",
    "batches by status": "ix_prediction_batch_status",
    "batches by dataset": "ix_prediction_batch_dataset_id",
    "searches": "ix_study_search_status",
    "events": "ix_registry_event_name",
}
"""The index of each filter; other lists read their primary key."""

BOUNDED: dict[str, Query] = {
    "jobs in several states": jobs(statuses=("failed", "succeeded")),
    "jobs with metadata in several states": jobs(
        statuses=("failed", "succeeded"), labels={"team": "ants"}
    ),
    "datasets in several states": datasets(statuses=("ready", "invalid")),
}
"""They sort, but only the ids of as many rows as the page has for each state."""

SEARCHES: dict[str, Query] = {
    "jobs": jobs(text="no-such-name"),
    "datasets": datasets(text="no-such-name"),
    "studies": lambda session: StudyRepository(session).list_page(limit=20, after=None, text="no"),
}

SORT = re.compile(r"TEMP B-TREE|Sort Key")
SCAN = re.compile(
    r"SCAN (job|dataset|dataset_image|epoch|study|prediction_batch|registry_event)$"
    r"|Seq Scan",
    re.MULTILINE,
)

ROWS: dict[type[Base], Callable[[int], dict[str, Any]]] = {
    Dataset: lambda number: {
        "id": f"ds_{number:03d}",
        "name": f"name-{number}",
        "status": ("ready", "invalid", "ingesting")[number % 3],
        "class_names": [],
        "splits": {},
        "progress": {},
        "report": {},
        "num_bytes": 1,
        "val_fraction": 0.2,
        "split_seed": 0,
        "labels": {},
        "upload_key": "uploads/x",
    },
    DatasetImage: lambda number: {
        "dataset_id": f"ds_00{number % 3}",
        "image_id": number,
        "split": ("train", "train", "train", "val")[number // 3 % 4],
        "class_name": ("ants", "bees", "wasps")[number // 12 % 3],
        "path": f"{number}.png",
        "storage_key": f"images/{number}",
        "sha256": "ab",
        "num_bytes": 1,
        "width": 1,
        "height": 1,
    },
    Epoch: lambda number: {
        "job_id": f"job_{number // 10:024d}",
        "epoch": number % 10 + 1,
        "train_loss": 1.0,
        "train_accuracy": 1.0,
        "val_loss": 1.0,
        "val_accuracy": 1.0,
        "seconds": 1.0,
        "images_per_second": 1.0,
    },
    Model: lambda number: {"name": f"model-{number:04d}", "last_version": 0, "labels": {}},
    PredictionBatch: lambda number: {
        "id": f"pred_{number:04d}",
        "status": ("succeeded", "failed", "queued")[number % 3],
        "model_name": "ants",
        "model_version": 1,
        "checkpoint_key": "jobs/x",
        "dataset_id": f"ds_{number % 7}",
        "options": {},
        "progress": {},
        "counts": {},
        "labels": {},
    },
    RegistryEvent: lambda number: {
        "id": f"ev_{number:04d}",
        "name": ("ants", "bees", "wasps")[number % 3],
        "type": "registered",
        "payload": {},
    },
    Study: lambda number: {
        "id": f"study_{number:04d}",
        "name": f"name-{number}",
        "dataset_id": "ds_0",
        "config": {},
        "labels": {},
    },
    WorkItem: lambda number: {
        "id": f"work_{number:04d}",
        "queue": "train",
        "kind": "train",
        "subject_id": f"job_{number}",
        "waits_for": f"ds_{number}",
        "status": "done",
        "attempt": 1,
        "strikes": 0,
        "fence": 1,
        "heartbeat": 0,
    },
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database with many rows, and statistics of them."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("plans") / "graft.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        url = f"sqlite:///{path}"
    else:
        template = request.getfixturevalue("migrated_postgres")
        server = request.getfixturevalue("postgres_server")
        url = create_database(server, "plans", template=template)
    database = Database(url)
    add_jobs(database, NUM_ROWS)
    with database.transaction() as session:
        for table, row in ROWS.items():
            session.execute(insert(table), [row(number) for number in range(NUM_ROWS)])
        labels = [
            {"job_id": job_id, "key": "team", "value": "ants" if number % 100 else "bees"}
            for number, job_id in enumerate(session.scalars(select(Job.id).order_by(Job.id)))
        ]
        session.execute(insert(JobLabel), labels)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if request.param == "sqlite" else "VACUUM ANALYZE")
    yield database
    database.close()


COMMON = {"jobs by dataset", "jobs by metadata"}
"""Filters that nearly every row passes: PostgreSQL knows it, and may read the rows in order."""


@pytest.fixture(autouse=True)
def _act_for_a_tenant(filled: Database) -> Iterator[None]:
    """As every request does, once the rows are there."""
    del filled
    with acting_for(DEFAULT_TENANT):
        yield


def explain(database: Database, query: Query) -> str:
    """Return the plan of the statement that reads the list.

    PostgreSQL plans as it would with more rows than a test can have.
    """
    with recording(database) as statements, database.reading() as session:
        query(session)
    statement, parameters = next(one for one in statements if "FROM" in one[0])
    with database.reading() as session:
        connection = session.connection()
        if database.engine.dialect.name == "sqlite":
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        else:
            for step in ("seqscan", "bitmapscan", "sort"):
                connection.exec_driver_sql(f"SET LOCAL enable_{step} = off")
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_reads_an_index_in_order(filled: Database, name: str) -> None:
    plan = explain(filled, LISTS[name])
    assert not SORT.search(plan), plan
    assert not SCAN.search(plan), plan
    if filled.engine.dialect.name == "sqlite" or name not in COMMON:
        assert INDEXES.get(name, "") in plan


@pytest.mark.parametrize("name", BOUNDED)
def test_a_list_of_several_states_sorts_no_more_than_pages(filled: Database, name: str) -> None:
    plan = explain(filled, BOUNDED[name])
    assert not SCAN.search(plan), plan
    if filled.engine.dialect.name == "sqlite":
        assert not SORT.search(plan), plan
    else:
        sorted_rows = [int(found) for found in re.findall(r"Sort .*rows=(\d+)", plan)]
        assert max(sorted_rows, default=0) <= 2 * 21, plan


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_reads_names_from_an_index(filled: Database, name: str) -> None:
    plan = explain(filled, SEARCHES[name])
    assert not SCAN.search(plan), plan
    if filled.engine.dialect.name == "sqlite":  # its rows are read whole otherwise
        assert "COVERING INDEX" in plan


def test_work_that_waits_is_found_by_an_index(filled: Database) -> None:
    plan = explain(filled, lambda session: WorkRepository(session).list_unfinished_waiting_for("x"))
    assert "ix_work_item_waits_for" in plan


def test_an_estimate_reads_the_same_however_many_epochs_there_are(filled: Database) -> None:
    plan = explain(
        filled,
        lambda session: JobRepository(session).mean_epoch_seconds_per_image("a", "b", 224),
    )
    assert not SCAN.search(plan), plan
    assert "ix_job_tenant_status" in plan
