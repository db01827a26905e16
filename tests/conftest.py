"""Fixtures of all tests."""

import gc
import os
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import QueuePool

from app.db.migrate import migrate_database
from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from tests.servers import (
    create_database,
    drop_database,
    running_postgres,
    running_redis,
    wait_until,
)

REPOSITORY = Path(__file__).parent.parent


LONGEST_FIRST = (
    "tests/e2e",
    "tests/browser",
    "tests/unit/training",
    "tests/unit/ml",
    "tests/contract",
)
"""Folders whose tests start first, so that no process ends with a long group."""


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests, and group them for several processes (pytest-xdist).

    A process takes a file as a whole, or all tests of one running service.
    `GRAFT_TEST_SHUFFLE=seed` puts the tests in a random order, the same for the same seed.
    """
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue  # pytest-xdist would join both names into another group
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        item.add_marker(pytest.mark.xdist_group(parameters.get("graft", item.location[0])))
    if seed := os.environ.get("GRAFT_TEST_SHUFFLE"):
        random.Random(seed).shuffle(items)
    else:
        items.sort(key=lambda item: _rank_folder(item.location[0]))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop where pytest-xdist has formed no groups, as it does under a pytest it does not know."""
    ids = [item.nodeid for item in session.items]
    if session.config.getoption("loadgroup", False) and not all("@" in id_ for id_ in ids):
        raise pytest.UsageError("pytest-xdist has not grouped the tests by file")


def _rank_folder(path: str) -> int:
    places = [number for number, folder in enumerate(LONGEST_FIRST) if path.startswith(folder)]
    return places[0] if places else len(LONGEST_FIRST)


@pytest.fixture(scope="session", autouse=True)
def _unfreeze_at_the_end() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.fixture(scope="module", autouse=True)
def _freeze_after_each_module(_unfreeze_at_the_end: None) -> Iterator[None]:
    """Exclude existing objects from garbage collection: torch keeps millions after exports."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _seed_torch() -> None:
    if torch := sys.modules.get("torch"):  # tests without it need not wait for it
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Return the folder of shared images and weights; skip the test without it."""
    folder = Path(os.environ.get("GRAFT_SHARED_DIR", REPOSITORY.parent / "shared"))
    if not (folder / "data" / "hymenoptera_data.zip").is_file():
        pytest.skip(f"no shared photographs in {folder} (set GRAFT_SHARED_DIR)")
    return folder


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a SQLite file with the newest schema, to copy for every test with a database."""
    path = tmp_path_factory.mktemp("migrated") / "graft.db"
    migrate_database(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Create an empty PostgreSQL database without a schema."""
    name = f"test_{uuid4().hex}"
    yield create_database(postgres_server, name)
    drop_database(postgres_server, name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "graft",
        api_processes=1,
        weights_download=False,
        device="cpu",
        predict_engine="torch",
        predict_precision="fp32",
        trusted_hosts="testserver",  # as Starlette's client calls the service
        predict_refresh_seconds=3600,  # what is loaded is what a test asks for
    )


@pytest.fixture
def storage(settings: Settings) -> LocalStorage:
    settings.storage_dir.mkdir(parents=True, exist_ok=True)
    return LocalStorage(settings.storage_dir)


@pytest.fixture
def database(settings: Settings, migrated_file: Path) -> Iterator[Database]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(migrated_file, settings.data_dir / "graft.db")
    database = Database(settings.sqlalchemy_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """Create a PostgreSQL database with the newest schema, to copy; return its name."""
    migrate_database(create_database(postgres_server, "migrated"))
    return "migrated"


@pytest.fixture
def postgres_database(postgres_server: str, migrated_postgres: str) -> Iterator[Database]:
    """Open an empty PostgreSQL database with the newest schema."""
    name = f"test_{uuid4().hex}"
    database = Database(create_database(postgres_server, name, template=migrated_postgres))
    yield database
    pool = database.engine.pool
    assert isinstance(pool, QueuePool)
    # a thread may still read for a task that was cancelled
    wait_until(lambda: pool.checkedout() == 0, "every connection to be returned")
    database.close()
    drop_database(postgres_server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest) -> Database:
    """Run a test on both SQLite and PostgreSQL."""
    name = "database" if request.param == "sqlite" else "postgres_database"
    database: Database = request.getfixturevalue(name)
    return database
