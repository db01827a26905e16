"""The application in the test's process, with its real database and storage."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.main import create_app
from app.settings import Settings
from app.storage import LocalStorage


@pytest.fixture
def client(settings: Settings, database: Database, storage: LocalStorage) -> Iterator[TestClient]:
    """A client of the whole application; `database` and `storage` are the application's own."""
    assert database.engine.url.database
    assert storage.root.is_dir()
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client
