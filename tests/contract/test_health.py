"""Liveness and readiness while parts of the service are down."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.main import create_app
from app.predictions.servable import Servable
from app.settings import Settings
from app.storage import LocalStorage
from tests.contract.datasets import upload
from tests.gates import Gate
from tests.images import draw_picture, encode
from tests.models import register_model
from tests.servers import find_free_port


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_a_complete_service_is_ready(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    assert eventually(lambda: client.get("/readyz").status_code == 200)
    assert client.get("/readyz").json() == {
        "status": "ok",
        "broker": "ok",
        "model": "ok",
        "storage": "ok",
    }


def test_liveness_responds_while_all_threads_are_busy(client: TestClient) -> None:
    portal = client.portal
    assert portal is not None
    gate = Gate()

    async def get_limiter() -> anyio.CapacityLimiter:
        return anyio.to_thread.current_default_thread_limiter()

    limiter = portal.call(get_limiter)
    busy = [
        portal.start_task_soon(anyio.to_thread.run_sync, gate)
        for _ in range(int(limiter.total_tokens))
    ]
    try:
        assert eventually(lambda: limiter.available_tokens == 0)
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(client.get, "/livez")
            try:
                assert answer.result(timeout=20).json() == {"status": "ok"}
            finally:
                gate.opened.set()
    finally:
        gate.opened.set()
    assert [one.result() for one in busy] == ["through"] * len(busy)


class TestWithAChosenModel:
    @pytest.fixture(autouse=True)
    def version(self, database: Database, storage: LocalStorage) -> int:
        return register_model(database, storage)

    def test_the_chosen_model_is_run_in_each_lane_before_the_service_is_ready(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        warmed: list[str] = []
        gate = Gate()
        original = Servable.run_once

        def run_once(servable: Servable) -> None:
            gate()
            original(servable)
            warmed.append(threading.current_thread().name)

        monkeypatch.setattr(Servable, "run_once", run_once)
        app = create_app(settings.model_copy(update={"predict_lanes": 3}))
        with TestClient(app) as client:
            gate.entered.wait()
            answer = client.get("/readyz")
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
            assert "being loaded" in answer.json()["detail"]
            gate.opened.set()
            assert eventually(lambda: client.get("/readyz").status_code == 200)
            assert len(set(warmed)) == 3
            assert app.state.predictor.models.keys == [("default", "ants-and-bees", 1)]

    def test_a_chosen_model_that_is_broken_degrades_until_one_answers(
        self, settings: Settings, storage: LocalStorage, database: Database
    ) -> None:
        storage.path("jobs/ants-and-bees/0/model.safetensors").write_bytes(b"broken")
        with TestClient(create_app(settings)) as client:
            assert eventually(lambda: client.get("/readyz").status_code == 200)
            body = client.get("/readyz").json()
            assert (body["status"], body["broker"]) == ("degraded", "ok")
            assert "ants-and-bees:1 cannot be read" in body["model"]
            register_model(database, storage, seed=1)
            picture = {"image": encode(draw_picture())}
            assert client.post("/predict", files=picture).status_code == 503
            chosen = client.put("/serving", json={"model": "ants-and-bees:2"})
            assert chosen.status_code == 200
            assert client.post("/predict", files=picture).status_code == 200
            assert client.get("/readyz").json()["status"] == "ok"


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


def test_a_broker_that_is_down_only_delays_work(without_broker: TestClient) -> None:
    assert upload(without_broker).status_code == 202
    assert eventually(lambda: without_broker.get("/readyz").json()["status"] == "degraded")
    assert without_broker.get("/readyz").status_code == 200
    assert upload(without_broker).status_code == 202
    assert len(without_broker.get("/datasets").json()["data"]) == 2


def test_without_storage_the_service_is_not_ready(
    client: TestClient, storage: LocalStorage
) -> None:
    storage.root.rmdir()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "5"
    assert client.get("/livez").status_code == 200


def test_without_a_database_the_service_is_unavailable(settings: Settings) -> None:
    nobody = f"postgresql://graft:secret@127.0.0.1:{find_free_port()}/graft"
    app = create_app(settings.model_copy(update={"database_url": nobody}))
    with TestClient(app, raise_server_exceptions=False) as client:
        for path in ("/jobs", "/readyz"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
            assert "secret" not in answer.text
        assert client.get("/livez").status_code == 200
