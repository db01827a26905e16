"""The application in the test's process, with its real database and storage.

The database is SQLite; with `GRAFT_TEST_DATABASE=postgresql` it is PostgreSQL.

Building an application takes a second, because the first request compiles every route; starting and
stopping one takes hundredths of a second. So an application is built once for all tests with equal
settings, and started anew for each test: a database, a predictor, its models and its threads never
outlive the test.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.db.session import Database
from app.main import create_app
from app.settings import Settings
from app.storage import LocalStorage
from tests.contract.datasets import check_upload, upload
from tests.contract.trainer import Trainer
from tests.servers import create_database

BuildApp = Callable[[Settings], FastAPI]
Backend = Literal["sqlite", "postgresql"]

DATABASE_NAME = "contract"
"""One name for the PostgreSQL database of every test, so that equal settings are equal."""


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same path for every test, so that equal settings are equal."""
    return tmp_path_factory.mktemp("contract") / "graft"


@pytest.fixture(scope="session")
def backend() -> Backend:
    """The kind of database of the contract tests."""
    name = os.environ.get("GRAFT_TEST_DATABASE", "sqlite")
    assert name in {"sqlite", "postgresql"}, name
    return "postgresql" if name == "postgresql" else "sqlite"


@pytest.fixture
def settings(
    settings: Settings, data_dir: Path, backend: Backend, request: pytest.FixtureRequest
) -> Settings:
    """The settings of a service that has stored nothing yet."""
    shutil.rmtree(data_dir, ignore_errors=True)
    settings = settings.model_copy(update={"data_dir": data_dir})
    if backend == "sqlite":
        return settings
    template = request.getfixturevalue("migrated_postgres")
    url = create_database(
        request.getfixturevalue("postgres_server"), DATABASE_NAME, template=template, replace=True
    )
    return settings.model_copy(update={"database_url": url})


@pytest.fixture
def database(
    settings: Settings, backend: Backend, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """The application's database, with the newest schema."""
    if backend == "sqlite":
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        migrated = request.getfixturevalue("migrated_file")
        shutil.copy(migrated, settings.data_dir / "graft.db")
    database = Database(settings.sqlalchemy_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def build_app() -> BuildApp:
    """Returns the application with these settings, which is not running."""
    built: dict[str, FastAPI] = {}

    def build(settings: Settings) -> FastAPI:
        key = settings.model_dump_json()
        if key not in built:
            built[key] = create_app(settings)
        return built[key]

    return build


@pytest.fixture
def client(
    settings: Settings, database: Database, storage: LocalStorage, build_app: BuildApp
) -> Iterator[TestClient]:
    """A client of the whole application; `database` and `storage` are the application's own."""
    assert database.engine.url.database
    assert storage.root.is_dir()
    app = build_app(settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert app.state.predictor.warm_up.wait(60)
        yield client


@pytest.fixture
def ready(client: TestClient, database: Database, storage: LocalStorage) -> str:
    """The id of a dataset that has been checked."""
    dataset_id = str(upload(client).json()["id"])
    check_upload(dataset_id, database, storage)
    return dataset_id


@pytest.fixture
def trainer(
    client: TestClient, database: Database, storage: LocalStorage, settings: Settings
) -> Trainer:
    return Trainer(client, database, storage, settings)
