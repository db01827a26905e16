"""Databases of every earlier version, with rows in them, are migrated to the newest schema."""

from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, func, select
from sqlalchemy.orm import Session

from app.batches import service as batches
from app.batches.views import view_batch
from app.datasets import service as datasets
from app.datasets.schemas import view_dataset
from app.db.base import Base
from app.db.migrate import (
    alembic_config,
    downgrade_database,
    find_revision,
    list_revisions,
    migrate_database,
)
from app.db.session import Database
from app.db.tables import AnalysisRequest, IdempotentAnswer
from app.history.views import view_events, view_history
from app.jobs import service as jobs
from app.jobs.views import view_job
from app.models import service as models
from app.serving.service import get_chosen
from app.studies import service as studies
from app.studies.repository import StudyRepository
from app.tasks import service as work
from tests.unit.db.earlier_rows import MOMENT, ROWS

REVISIONS = list_revisions()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'graft.db'}"
    return str(request.getfixturevalue("postgres_url"))


def fill(url: str, revision: str) -> set[str]:
    """Create the schema of a revision and a row in each of its tables; returns the tables."""
    command.upgrade(alembic_config(url), revision)
    schema = MetaData()
    with closing(Database(url)) as database, database.transaction() as session:
        schema.reflect(session.connection())
        for name, row in ROWS.items():
            table = schema.tables.get(name)
            if table is not None:
                known = {key: value for key, value in row.items() if key in table.columns}
                session.execute(table.insert().values(known))
    return set(schema.tables) - {"alembic_version"}


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_of_an_earlier_version_are_read_by_this_one(url: str, revision: str) -> None:
    tables = fill(url, revision)
    assert tables - ROWS.keys() <= set(), "rows for the new table are missing in earlier_rows.py"
    migrate_database(url)
    assert find_revision(url) == REVISIONS[-1]
    with closing(Database(url)) as database:
        with database.reading() as session:
            check_dataset(session)
            check_jobs(session)
            check_models(session, with_events="registry_event" in tables)
            check_others(session, tables)
        with database.transaction() as session:
            lease = work.claim(session, "train", "me")
            assert lease is not None
            assert lease.subject_id == "job_2"


def check_dataset(session: Session) -> None:
    dataset = view_dataset(datasets.get_dataset(session, "ds_1"))
    assert (dataset.name, dataset.class_names) == ("insects", ["ants", "bees"])
    assert (dataset.metadata, dataset.created_at) == ({"team": "ants"}, MOMENT)
    images, _ = datasets.list_images(
        session,
        "ds_1",
        limit=20,
        after=0,
        split="val",
        class_name="bees",
        path_part=None,
        finding=None,
    )
    assert [image.path for image in images] == ["val/bees/1.png"]


def check_others(session: Session, tables: set[str]) -> None:
    answer = session.scalars(select(IdempotentAnswer)).one()
    assert (answer.route, answer.key, answer.body) == ("POST /jobs", "once", {"id": "job_1"})
    if "inquiry" in tables:
        assert session.get_one(AnalysisRequest, "inq_1").status == "answered"
    if "study" in tables:
        assert studies.get_study(session, "study_1").name == "rates"
        (trial,) = StudyRepository(session).list_trials("study_1")
        assert (trial.name, trial.changes) == ("a", {"epochs": 1})
    if "prediction_batch" in tables:
        found, _ = batches.list_batches(
            session, limit=20, after=None, status="succeeded", dataset_id="ds_1"
        )
        assert [view_batch(batch).id for batch in found] == ["pred_1"]


def check_jobs(session: Session) -> None:
    filters = {"dataset_id": "ds_1", "study_id": None, "model_name": "insects", "text": None}
    labels = {"team": "ants"}
    (job,), _ = jobs.list_jobs(
        session, limit=20, after=None, statuses=("succeeded", "failed"), labels=labels, **filters
    )
    view = view_job(session, job)
    assert (view.id, view.config.architecture, view.metadata) == ("job_1", "resnet18", labels)
    assert view.best is not None
    assert (view.best.val_accuracy, view.finished_at) == (0.75, MOMENT)
    (epoch,) = view_history(session, job).data
    assert (epoch.epoch, epoch.is_best, epoch.train_loss) == (1, True, 0.5)
    assert (epoch.val_balanced_accuracy, view.best.val_balanced_accuracy) == (None, None)
    (event,) = view_events(session, "job_1", after=0, limit=20)
    assert event.type == "succeeded"


def check_models(session: Session, *, with_events: bool) -> None:
    model = models.get_model(session, "insects")
    assert (model.aliases, model.metadata) == ({"champion": 1}, {"owner": "me"})
    assert [version.digest for version in model.versions] == ["a" * 64]
    assert [version.val_balanced_accuracy for version in model.versions] == [None]
    chosen = get_chosen(session)
    assert (chosen.model, chosen.resolved.version) == ("insects@champion", 1)
    events = models.list_events(session, "insects", limit=20, after=None).data
    assert [event.type for event in events] == (["registered"] if with_events else [])


def test_the_newest_schema_is_that_of_the_tables(url: str) -> None:
    migrate_database(url)
    with closing(Database(url)) as database, database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_downgrades_keep_the_rows_of_the_tables_that_are_left(url: str) -> None:
    fill(url, REVISIONS[-1])
    for revision in reversed(REVISIONS[:-1]):
        downgrade_database(url, revision)
        assert find_revision(url) == revision
        schema = MetaData()
        with closing(Database(url)) as database, database.reading() as session:
            schema.reflect(session.connection())
            for name, table in schema.tables.items():
                assert session.scalar(select(func.count()).select_from(table)) == 1, name
    migrate_database(url)
    assert find_revision(url) == REVISIONS[-1]
