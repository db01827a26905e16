"""Fixtures that every kind of test uses."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.db.migrate import migrate_database
from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage

REPOSITORY = Path(__file__).parent.parent


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


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "graft", weights_download=False, device="cpu")


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
