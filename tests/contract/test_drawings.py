"""Drawings and a database without a free connection leave other routes alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from app.settings import Settings
from app.web import drawing
from tests.contract.test_health import eventually
from tests.gates import Gate

NUM_DRAWINGS = 45
"""More than a process has threads for routes."""


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Block every preview until it is opened."""
    gate = Gate()
    monkeypatch.setattr(
        "app.datasets.previews.draw_preview", lambda *_, **__: gate().encode(), raising=True
    )
    yield gate
    gate.opened.set()


def test_other_routes_do_not_wait_for_drawings(
    client: TestClient, ready: str, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "MAX_WAITING", NUM_DRAWINGS)
    with ThreadPoolExecutor(NUM_DRAWINGS) as threads:
        path = f"/datasets/{ready}/preview.png"
        drawn = [threads.submit(client.get, path) for _ in range(NUM_DRAWINGS)]
        assert gate.entered.wait(60)
        for other in ("/livez", "/jobs", "/readyz"):
            assert client.get(other).status_code == 200
        gate.opened.set()
        assert {answer.result().status_code for answer in drawn} == {200}


def test_too_many_drawings_are_refused(
    client: TestClient, ready: str, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "MAX_WAITING", 1)
    path = f"/datasets/{ready}/preview.png"
    with ThreadPoolExecutor(3) as threads:
        drawn = [threads.submit(client.get, path) for _ in range(3)]
        assert eventually(lambda: drawing.count_waiting() == 1)
        refused = client.get(path)
        gate.opened.set()
        assert {answer.result().status_code for answer in drawn} == {200}
    assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
    assert refused.headers["retry-after"]


class TestWithShortWaits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"database_seconds": 0.2})

    def test_no_free_connection_is_503(self, client: TestClient) -> None:
        database = client.app.state.services.database  # type: ignore[attr-defined]  # ours is FastAPI
        held = [database.engine.connect() for _ in range(40)]
        try:
            answer = client.get("/jobs")
            assert client.get("/livez").status_code == 200
        finally:
            for connection in held:
                connection.close()
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert answer.headers["retry-after"]
        assert client.get("/jobs").status_code == 200
