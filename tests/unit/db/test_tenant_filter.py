"""Sessions see and write only the rows of the current tenant."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, delete, exists, func, insert, make_url, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased

import app.db.access_tables
import app.db.lookups
import app.db.serving_tables
import app.db.tenant_table
import app.db.worker_table  # noqa: F401 - tables register themselves with the base
from app.db.base import Base
from app.db.session import Database
from app.db.tables import Dataset, DatasetImage, Job, Model, ModelVersion
from app.db.tenancy import EVERY_TENANT, acting_for, current_tenant
from app.db.tenant_filter import ForeignTenantError, UnfilteredStatementError, find_unfiltered
from app.db.tenant_rows import TenantRow
from app.models.repository import ModelRepository
from tests.datasets import add_dataset
from tests.models import register_file

REPOSITORY = Path(__file__).parent.parent.parent.parent

WITHOUT_FILTER = {"tenant", "worker"}
"""Tables of the service."""

DATASETS: Any = Dataset.__table__

PAST_THE_FILTER = {
    "app/access/repository.py": ["text("],
    "app/backup/create.py": ["session.connection("],
    "app/backup/rows.py": ["session.connection(", "text("],
    "app/db/session.py": ["exec_driver_sql("],
    "app/db/tenant_filter.py": ["text("],
    "app/doctor/data.py": ["text(", "text(", "text("],
    "app/web/health.py": ["text("],
}
"""The only statements without the filter: a lock, BEGIN, the tenant itself, SELECT 1, and those of
the operator's commands.
"""


@pytest.fixture
def two_tenants(either_database: Database) -> Database:
    """Two tenants with a dataset each, one with an image, and with models of the same name."""
    for tenant in ("alpha", "beta"):
        with acting_for(tenant):
            register_file(either_database, "ants", f"jobs/{tenant}/model.safetensors")
            dataset_id = add_dataset(either_database, name=tenant)
            with either_database.transaction() as session:
                session.execute(insert(DatasetImage), [_image(dataset_id)])
    return either_database


def _image(dataset_id: str) -> dict[str, Any]:
    image = {"split": "val", "class_name": "ants", "path": "a", "storage_key": "k", "sha256": "s"}
    numbers = {"image_id": 1, "num_bytes": 1, "width": 1, "height": 1}
    return {"dataset_id": dataset_id} | image | numbers


def _id_of(database: Database, tenant: str) -> str:
    with acting_for(tenant), database.reading() as session:
        return session.scalars(select(Dataset.id)).one()


def test_every_table_but_the_services_own_belongs_to_tenants() -> None:
    owned = {str(m.local_table.description) for m in _mappers() if issubclass(m.class_, TenantRow)}
    assert set(Base.metadata.tables) - owned == WITHOUT_FILTER


def _mappers() -> list[Any]:
    return list(Base.registry.mappers)


def test_the_code_has_no_statement_past_the_filter() -> None:
    """Find SQL as text, on tables instead of classes, and on connections instead of sessions."""
    pattern = re.compile(
        r"(?<![\w.])text\(|exec_driver_sql\(|\.__table__|engine\.connect\(|engine\.begin\("
        r"|session\.connection\(|\bSession\("
    )
    found: dict[str, list[str]] = {}
    for folder in ("app", "worker"):
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            if hits := pattern.findall(path.read_text()):
                found[str(path.relative_to(REPOSITORY))] = hits
    found.pop("app/db/migrate.py")  # reads the schema's revision
    assert found == PAST_THE_FILTER


def test_queries_find_the_rows_of_the_tenant(two_tenants: Database) -> None:
    other = aliased(Dataset)
    with acting_for("alpha"), two_tenants.reading() as session:
        assert session.scalars(select(Dataset.name)).all() == ["alpha"]
        assert session.scalars(select(other.name)).all() == ["alpha"]
        assert session.scalar(select(func.count(Dataset.id))) == 1
        counts = select(func.count(Dataset.id)).scalar_subquery()
        assert session.execute(select(counts, counts)).one() == (1, 1)
        pairs = select(Dataset.id).join(DatasetImage, DatasetImage.dataset_id == Dataset.id)
        assert len(session.scalars(pairs).all()) == 1
        newest = select(Dataset.id.label("id")).limit(9).subquery()
        assert session.scalar(select(func.count(newest.c.id))) == 1
        for name, is_found in (("alpha", True), ("beta", False)):
            one = select(Dataset.id).where(Dataset.name == name)
            assert session.scalar(select(one.exists())) is is_found


def test_every_tenant_sees_all(two_tenants: Database) -> None:
    assert current_tenant() == EVERY_TENANT
    with two_tenants.reading() as session:
        assert sorted(session.scalars(select(Dataset.name))) == ["alpha", "beta"]


def test_a_row_of_another_tenant_is_not_found_by_key(two_tenants: Database) -> None:
    foreign = _id_of(two_tenants, "beta")
    with two_tenants.reading() as session:
        seen = session.get_one(Dataset, foreign)
        image = session.get_one(DatasetImage, (foreign, 1))
        with acting_for("alpha"):
            assert session.get(Dataset, foreign) is None, "not even if the session has loaded it"
            assert session.get(DatasetImage, (foreign, 1)) is None
            session.expire(image)
            with pytest.raises(Exception, match="DatasetImage"):
                _ = image.path
        assert seen.name == "beta"
    with acting_for("alpha"), two_tenants.reading() as session:
        assert session.get(Dataset, foreign) is None
        assert session.get(DatasetImage, (foreign, 1)) is None


def test_models_of_one_name_are_two(two_tenants: Database) -> None:
    for tenant in ("alpha", "beta"):
        with acting_for(tenant), two_tenants.reading() as session:
            models = ModelRepository(session)
            version = models.find_newest_version("ants")
            assert version is not None
            assert version.checkpoint_key == f"jobs/{tenant}/model.safetensors"
            assert models.find_version("ants", 2) is None
            chosen = models.find_chosen()
            assert chosen is not None
            assert chosen.tenant == tenant


def test_updates_and_deletions_leave_other_tenants_alone(two_tenants: Database) -> None:
    with acting_for("alpha"), two_tenants.transaction() as session:
        session.execute(update(Dataset).values(name="changed"))
        session.execute(delete(DatasetImage))
    with two_tenants.reading() as session:
        assert sorted(session.scalars(select(Dataset.name))) == ["beta", "changed"]
        assert session.scalars(select(DatasetImage.tenant)).all() == ["beta"]


def test_a_new_row_belongs_to_the_tenant_that_creates_it(either_database: Database) -> None:
    with either_database.transaction() as session:
        with acting_for("alpha"):
            session.add(Model(name="ants", last_version=0, labels={}))
        session.add(Model(name="ants", last_version=0, labels={}))
    with either_database.reading() as session:
        assert sorted(session.scalars(select(Model.tenant))) == ["alpha", "default"]


def test_foreign_rows_are_not_written(two_tenants: Database) -> None:
    foreign = Model(tenant="beta", name="wasps", last_version=0, labels={})
    with (
        acting_for("alpha"),
        pytest.raises(ForeignTenantError, match="Model of the tenant beta while acting for alpha"),
        two_tenants.transaction() as session,
    ):
        session.add(foreign)
    row = {"tenant": "beta", "name": "wasps", "last_version": 0, "labels": {}}
    with (
        acting_for("alpha"),
        pytest.raises(ForeignTenantError, match="beta while acting for alpha"),
        two_tenants.transaction() as session,
    ):
        session.execute(insert(Model), [row])


@pytest.mark.parametrize(
    "statement",
    [
        select(Job.__table__),
        select(exists().where(Job.status == "queued")),
        text("SELECT count(*) FROM dataset"),
        text("SELECT 1 FROM tenant, model AS m, job"),
        delete(DATASETS),
        update(DATASETS).values(name="changed"),
    ],
)
def test_a_statement_without_the_filter_does_not_run(two_tenants: Database, statement: Any) -> None:
    with (
        acting_for("alpha"),
        two_tenants.transaction() as session,
        pytest.raises(UnfilteredStatementError),
    ):
        session.execute(statement)
    with two_tenants.transaction() as session:
        session.execute(select(Job.__table__))  # as every tenant it does


def test_unfiltered_tables_are_found_by_their_names() -> None:
    filtered = "SELECT a.id FROM job AS a, worker JOIN epoch ON a.id = epoch.job_id WHERE {}"
    assert find_unfiltered(filtered.format("a.tenant = ? AND epoch.tenant = ?")) == ()
    assert find_unfiltered(filtered.format("a.tenant = ?")) == ("epoch",)
    assert find_unfiltered(filtered.format("epoch.tenant = ?")) == ("a",)
    assert find_unfiltered("SELECT worker.id, worker.pid FROM worker") == ()


def test_policies_hide_foreign_rows_without_the_filter(postgres_database: Database) -> None:
    """A raw query of an ordinary role that owns nothing, and of the owner of the tables."""
    for tenant in ("alpha", "beta"):
        with acting_for(tenant):
            register_file(postgres_database, "ants", f"jobs/{tenant}/model.safetensors")
    owner_url, guest_url = _make_roles(postgres_database)
    names = text("SELECT tenant FROM model_version ORDER BY tenant")
    foreign = text("UPDATE model_version SET digest = 'stolen'")
    inserted = text(
        "INSERT INTO model (tenant, name, last_version, metadata, created_at) "
        "VALUES ('beta', 'planted', 0, '{}', now())"
    )
    for url in (owner_url, guest_url):
        engine = create_engine(url)
        with engine.begin() as connection:
            assert connection.execute(names).all() == [], "no tenant is set"
        for tenant, visible in (("alpha", ["alpha"]), ("*", ["alpha", "beta"])):
            with engine.begin() as connection:
                connection.execute(
                    text("SELECT set_config('graft.tenant', :tenant, true)"), {"tenant": tenant}
                )
                assert connection.scalars(names).all() == visible
                if tenant == "alpha":
                    assert connection.execute(foreign).rowcount == 1
                    with pytest.raises(DBAPIError, match="row-level security"):
                        connection.execute(inserted)
                    connection.rollback()
        engine.dispose()
        database = Database(url)
        with acting_for("beta"), database.reading() as session:
            rows = session.connection().execute(
                text("SELECT tenant FROM model WHERE model.tenant = tenant")
            )
            assert rows.scalars().all() == ["beta"], "the session has told the policies its tenant"
            assert session.scalars(select(ModelVersion.tenant)).all() == ["beta"]
        with database.reading() as session:
            assert len(session.scalars(select(ModelVersion.tenant)).all()) == 2
        database.close()


def _make_roles(database: Database) -> tuple[str, str]:
    """Give the tables to an ordinary role, and the use of them to another; return their URLs."""
    name = str(database.engine.url.database)
    owner, guest = f"owner_{name}", f"guest_{name}"
    with database.engine.begin() as connection:
        for role in (owner, guest):
            connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
        for table in Base.metadata.tables:
            connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO {owner}")
        everything = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
        connection.exec_driver_sql(f"GRANT {everything} TO {guest}")
    url = make_url(database.engine.url)
    return tuple(  # type: ignore[return-value]
        url.set(username=role).render_as_string(hide_password=False) for role in (owner, guest)
    )
