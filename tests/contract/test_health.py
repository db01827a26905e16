"""What health says when something is down, and what goes on all the same."""

import time
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.main import create_app
from app.settings import Settings
from app.storage import LocalStorage
from tests.contract.datasets import upload
from tests.servers import find_free_port


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_a_service_that_has_all_it_needs_is_ready(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok", "broker": "ok"}


@pytest.fixture
def without_broker(
    settings: Settings, database: Database, storage: LocalStorage
) -> Iterator[TestClient]:
    assert database.engine.url.database
    assert storage.root.is_dir()
    nobody = f"redis://127.0.0.1:{find_free_port()}/0"
    app = create_app(settings.model_copy(update={"broker_url": nobody}))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_a_broker_that_is_down_delays_nothing_but_work(without_broker: TestClient) -> None:
    assert upload(without_broker).status_code == 202
    assert eventually(lambda: without_broker.get("/readyz").json()["status"] == "degraded")
    assert without_broker.get("/readyz").status_code == 200
    assert upload(without_broker).status_code == 202
    assert len(without_broker.get("/datasets").json()["data"]) == 2


def test_a_storage_that_is_gone_is_not_ready(client: TestClient, storage: LocalStorage) -> None:
    storage.root.rmdir()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"
    assert client.get("/livez").status_code == 200


def test_a_database_that_does_not_answer_is_unavailable(settings: Settings) -> None:
    nobody = f"postgresql://graft:secret@127.0.0.1:{find_free_port()}/graft"
    app = create_app(settings.model_copy(update={"database_url": nobody}))
    with TestClient(app, raise_server_exceptions=False) as client:
        for path in ("/jobs", "/readyz"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
            assert "secret" not in answer.text
        assert client.get("/livez").status_code == 200
