"""The application in the test's process, with its real database and storage."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.main import create_app
from app.settings import Settings
from app.storage import LocalStorage
from tests.contract.datasets import check_upload, upload


@pytest.fixture
def client(settings: Settings, database: Database, storage: LocalStorage) -> Iterator[TestClient]:
    """A client of the whole application; `database` and `storage` are the application's own."""
    assert database.engine.url.database
    assert storage.root.is_dir()
    app = create_app(settings)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert app.state.predictor.warm_up.wait(60)
        yield client


@pytest.fixture
def ready(client: TestClient, database: Database, storage: LocalStorage) -> str:
    """The id of a dataset that has been checked."""
    dataset_id = str(upload(client).json()["id"])
    check_upload(dataset_id, database, storage)
    return dataset_id
