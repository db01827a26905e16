"""The migration to tenants keeps every row, on both databases, and can be undone."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from app.db.base import Base
from app.db.migrate import alembic_config
from app.db.session import Database
from app.db.tables import Dataset
from app.db.tenancy import acting_for
from tests.datasets import add_dataset

BEFORE = "0009"

ROWS = (
    "INSERT INTO model (name, last_version, metadata, created_at) VALUES ('m', 2, '{}', :now)",
    (
        "INSERT INTO model_version (name, version, job_id, checkpoint_key, digest, num_bytes, "
        "architecture, class_names, input_size, val_accuracy, created_at) "
        "VALUES ('m', 2, 'j', 'key', 'd', 1, 'a', '[]', 1, 0.5, :now)"
    ),
    "INSERT INTO model_alias (name, alias, version, updated_at) VALUES ('m', 'champion', 2, :now)",
    "INSERT INTO serving (id, model, updated_at) VALUES (1, 'm', :now)",
    (
        "INSERT INTO inquiry (id, kind, subject_id, fingerprint, parameters, status, created_at) "
        "VALUES ('i', 'advise', 'd', 'f', '{}', 'waiting', :now)"
    ),
    (
        'INSERT INTO idempotent_answer (route, "key", fingerprint, status, headers, body, '
        "created_at) VALUES ('POST /jobs', 'k', 'f', 202, '{}', '{}', :now)"
    ),
    (
        "INSERT INTO shadow_tally (name, version, shadow_name, shadow_version, num_images, "
        "num_agreed, num_dropped, num_failed, sum_abs_difference, updated_at) "
        "VALUES ('m', 2, 's', 1, 10, 9, 0, 0, 0.5, :now)"
    ),
)
TABLES = (
    "model",
    "model_version",
    "model_alias",
    "serving",
    "inquiry",
    "idempotent_answer",
    "shadow_tally",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database of the version before tenants, with a row in each table whose key changes."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('old') / 'graft.db'}"
    else:
        url = str(request.getfixturevalue("postgres_url"))
    command.upgrade(alembic_config(url), BEFORE)
    database = Database(url)
    with database.transaction() as session:
        for row in ROWS:
            session.execute(text(row), {"now": "2026-01-01 00:00:00+00:00"})
    database.close()
    return url


def read(url: str) -> dict[str, list[dict[str, object]]]:
    database = Database(url)
    with database.reading() as session:
        rows = {
            name: [dict(row) for row in session.execute(text(f"SELECT * FROM {name}")).mappings()]  # noqa: S608
            for name in TABLES
        }
    database.close()
    return rows


def test_rows_get_the_default_tenant_and_keep_the_rest(url: str) -> None:
    before = read(url)
    assert all(len(rows) == 1 for rows in before.values())
    command.upgrade(alembic_config(url), "head")
    after = read(url)
    for name, (row,) in after.items():
        assert row.pop("tenant") == "default"
        assert row.pop("val_balanced_accuracy", None) is None  # added after the tenants
        assert row == {key: value for key, value in before[name][0].items() if key != "id"} | (
            {"id": row["id"]} if "id" in row else {}
        )
    database = Database(url)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    database.close()
    command.downgrade(alembic_config(url), BEFORE)
    assert read(url) == before


def test_deleting_a_model_deletes_its_versions_of_the_same_tenant(url: str) -> None:
    command.upgrade(alembic_config(url), "head")
    database = Database(url)
    with database.transaction() as session:
        session.execute(text("DELETE FROM model_alias"))
        copied = "last_version, metadata, created_at FROM model"
        session.execute(
            text(
                "INSERT INTO model (tenant, name, last_version, metadata, created_at) "
                f"SELECT 'other', name, {copied}"
            )
        )
        session.execute(text("DELETE FROM model WHERE tenant = 'other'"))
        assert session.scalar(text("SELECT count(*) FROM model_version")) == 1
        session.execute(text("DELETE FROM model WHERE tenant = 'default'"))
        assert session.scalar(text("SELECT count(*) FROM model_version")) == 0
    database.close()


def test_going_back_with_other_tenants_is_refused(url: str) -> None:
    command.upgrade(alembic_config(url), "head")
    database = Database(url)
    with acting_for("alpha"):
        add_dataset(database)
    with pytest.raises(RuntimeError, match="dataset has rows of tenants other than `default`"):
        command.downgrade(alembic_config(url), BEFORE)
    with database.reading() as session:
        assert session.query(Dataset).count() == 1
    database.close()
