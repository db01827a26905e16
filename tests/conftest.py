"""Fixtures that every kind of test uses."""

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.db.migrate import migrate_database
from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from tests.servers import create_database, running_postgres, running_redis

REPOSITORY = Path(__file__).parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Several processes (pytest-xdist) take a file each, or all tests of one running service."""
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        item.add_marker(pytest.mark.xdist_group(parameters.get("graft", item.location[0])))


@pytest.fixture(scope="session", autouse=True)
def _looked_through_at_the_end() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.fixture(scope="module", autouse=True)
def _what_stays_is_not_looked_through(_looked_through_at_the_end: None) -> Iterator[None]:
    """torch keeps millions of objects of what tests have exported: minutes for the collector."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _draws_depend_on_no_other_test() -> None:
    if torch := sys.modules.get("torch"):  # tests without it need not wait for it
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of shared photographs and weights; tests that need it are skipped without."""
    folder = Path(os.environ.get("GRAFT_SHARED_DIR", REPOSITORY.parent / "shared"))
    if not (folder / "data" / "hymenoptera_data.zip").is_file():
        pytest.skip(f"no shared photographs in {folder} (set GRAFT_SHARED_DIR)")
    return folder


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest schema, copied for every test that needs a database."""
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
def postgres_url(postgres_server: str) -> str:
    """A new empty PostgreSQL database."""
    return create_database(postgres_server, f"test_{uuid4().hex}")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "graft",
        api_processes=1,
        weights_download=False,
        device="cpu",
        predict_engine="torch",
        predict_precision="fp32",
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


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """The same test on both kinds of database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("database")
        return
    url = request.getfixturevalue("postgres_url")
    migrate_database(url)
    database = Database(url)
    yield database
    database.close()
