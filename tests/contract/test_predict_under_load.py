"""POST /predict under load: full queues, deadlines, lost clients, concurrent requests."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from anyio.to_thread import run_sync
from fastapi.testclient import TestClient
from starlette.types import Message, Scope

from app.db.session import Database
from app.errors import DeviceUnavailable
from app.main import create_app
from app.predictions.postprocess import postprocess
from app.predictions.predictor import Predictor, QueuedImage
from app.predictions.resolution import ModelQuery
from app.predictions.results import ImageResult
from app.predictions.schemas import PredictOptions
from app.predictions.servable import Servable, load_servable
from app.settings import Settings
from app.storage import LocalStorage
from tests.contract.test_health import eventually
from tests.gates import Gate
from tests.images import draw_picture, encode
from tests.models import register_model
from tests.scrapes import Scrape

PICTURE = encode(draw_picture())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"predict_lanes": 1, "predict_queue_size": 2})


@pytest.fixture(autouse=True)
def version(database: Database, storage: LocalStorage) -> int:
    return register_model(database, storage)


@pytest.fixture
def predictor(client: TestClient) -> Predictor:
    predictor: Predictor = client.app.state.predictor  # type: ignore[attr-defined]  # ours is FastAPI
    return predictor


@pytest.fixture
def gate(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Block the only lane, and the image in it, until the gate is opened."""
    gate = Gate()

    def hold_and_postprocess(*arguments: Any) -> ImageResult:
        gate()
        return postprocess(*arguments)

    monkeypatch.setattr("app.predictions.predictor.postprocess", hold_and_postprocess)
    (held,) = predictor.lanes.submit([QueuedImage(ModelQuery(None, PredictOptions()), PICTURE)])
    gate.entered.wait()
    yield gate
    gate.opened.set()
    held.result()


@contextmanager
def waiting_images(predictor: Predictor, number: int) -> Iterator[None]:
    """Keep this number of images in the queue during the block."""
    image = QueuedImage(ModelQuery(None, PredictOptions()), PICTURE)
    futures = predictor.lanes.submit([image] * number)
    yield
    for future in futures:
        future.cancel()


@contextmanager
def shedding_one(client: TestClient, reason: str) -> Iterator[None]:
    """Check that the block counts one shed request with this reason."""
    before = Scrape(client).value("graft_predict_shed_total", reason=reason)
    yield
    assert Scrape(client).value("graft_predict_shed_total", reason=reason) == before + 1


def post(client: TestClient, *images: bytes, **params: Any) -> Any:
    return client.post("/predict", files=[("image", image) for image in images], params=params)


def test_a_full_queue_returns_503_with_retry_after(
    client: TestClient, predictor: Predictor, gate: Gate
) -> None:
    with waiting_images(predictor, 2), shedding_one(client, "queue_full"):
        assert Scrape(client).value("graft_predict_queue_images") == 2
        refused = post(client, PICTURE)
    assert refused.status_code == 503
    assert refused.json()["code"] == "OVERLOADED"
    assert int(refused.headers["Retry-After"]) >= 1
    assert client.get("/livez").status_code == 200
    gate.opened.set()
    assert post(client, PICTURE).status_code == 200


def test_a_full_queue_is_noticed_before_the_request_is_prepared(
    client: TestClient, predictor: Predictor, gate: Gate
) -> None:
    labels = {"method": "POST", "route": "/predict", "status": "503"}
    before = Scrape(client).value("graft_http_requests_total", **labels)
    with waiting_images(predictor, 2):
        assert post(client, PICTURE, top_k=0).status_code == 503
    assert Scrape(client).value("graft_http_requests_total", **labels) == before + 1
    assert post(client, PICTURE, top_k=0).status_code == 422
    assert not gate.opened.is_set()


def test_images_that_do_not_all_fit_are_refused_together(
    client: TestClient, predictor: Predictor, gate: Gate
) -> None:
    assert not gate.opened.is_set()
    with waiting_images(predictor, 1):
        assert post(client, PICTURE, PICTURE).status_code == 503
        assert predictor.lanes.num_waiting == 1


def test_images_of_a_disconnected_client_are_dropped(
    client: TestClient, predictor: Predictor, gate: Gate
) -> None:
    heard: list[Message] = [
        {"type": "http.request", "body": PICTURE, "more_body": False},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return heard.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"image/png")],
    }
    assert client.portal is not None
    with shedding_one(client, "client_gone"):
        client.portal.call(partial(client.app, scope, receive, send))
    assert not gate.opened.is_set()
    assert b"The client closed the connection" in sent[1]["body"]
    assert predictor.lanes.num_waiting == 0


class TestWithLittleBodyMemory:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(
            update={"predict_max_bytes_in_flight": 2 * len(PICTURE), "predict_queue_size": 9}
        )

    def test_a_body_that_does_not_fit_is_refused_before_it_is_read(
        self, client: TestClient, predictor: Predictor, gate: Gate
    ) -> None:
        def send() -> Any:
            return client.post(
                "/predict", content=PICTURE, headers={"Content-Type": "application/octet-stream"}
            )

        with ThreadPoolExecutor(2) as threads:
            held = [threads.submit(send) for _ in range(2)]
            assert eventually(lambda: predictor.lanes.num_waiting == 2)
            with shedding_one(client, "bytes_full"):
                refused = send()
            assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
            assert int(refused.headers["Retry-After"]) >= 1
            gate.opened.set()
            assert [future.result().status_code for future in held] == [200, 200]
        assert send().status_code == 200
        assert predictor.body_memory.num_bytes == 0

    def test_idle_bodies_of_unknown_length_take_no_memory(
        self, client: TestClient, predictor: Predictor
    ) -> None:
        assert client.portal is not None
        ends = [threading.Event() for _ in range(4)]
        idle = [
            client.portal.start_task_soon(partial(send_and_wait, client, b"P", end)) for end in ends
        ]
        assert eventually(lambda: predictor.body_memory.num_bytes == len(ends))
        answer = client.post("/predict", content=PICTURE, headers={"Content-Type": "image/png"})
        assert answer.status_code == 200
        for end in ends:
            end.set()
        assert {task.result() for task in idle} == {400}
        assert predictor.body_memory.num_bytes == 0


async def send_and_wait(client: TestClient, begun: bytes, end: threading.Event) -> int:
    """Send the beginning of a chunked body, disconnect at the end; return the status."""
    waiting = [begun]
    statuses: list[int] = []

    async def receive() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": True}
        await run_sync(end.wait)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        statuses.append(message.get("status", 0))

    headers = [
        (b"host", b"localhost"),
        (b"content-type", b"image/png"),
        (b"transfer-encoding", b"chunked"),
    ]
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "headers": headers,
    }
    await client.app(scope, receive, send)
    return statuses[0]


class TestWithAShortDeadline:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"predict_deadline_seconds": 0.2})

    def test_a_request_over_its_deadline_gets_504(
        self, client: TestClient, predictor: Predictor, gate: Gate
    ) -> None:
        with shedding_one(client, "deadline"):
            late = post(client, PICTURE)
        assert not gate.opened.is_set()
        assert (late.status_code, late.json()["code"]) == (504, "DEADLINE_EXCEEDED")
        assert predictor.lanes.num_waiting == 0


class TestWithManyLanes:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"predict_lanes": 8, "predict_queue_size": 64})

    def test_twenty_requests_at_once_load_the_model_once(
        self,
        client: TestClient,
        monkeypatch: pytest.MonkeyPatch,
        database: Database,
        storage: LocalStorage,
    ) -> None:
        register_model(database, storage, seed=1)  # the first is loaded already
        client.put("/serving", json={"model": "ants-and-bees:2"})
        loads: list[Path] = []

        def count(
            path: Path, trust_path: Path | None, device: torch.device, **options: Any
        ) -> Servable:
            loads.append(path)
            return load_servable(path, trust_path, device, **options)

        monkeypatch.setattr("app.predictions.predictor.load_servable", count)
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(lambda _: post(client, PICTURE), range(20)))
        assert {answer.status_code for answer in answers} == {200}
        first, *others = ([p["probability"] for p in a.json()["predictions"]] for a in answers)
        assert all(other == pytest.approx(first, abs=1e-5) for other in others)
        assert len(loads) == 1


class TestWithCacheForOneModel:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"model_cache_bytes": 4_000_000})

    def test_models_evict_each_other(
        self,
        client: TestClient,
        predictor: Predictor,
        database: Database,
        storage: LocalStorage,
    ) -> None:
        register_model(database, storage, seed=1)
        answers: dict[int, set[str]] = {1: set(), 2: set()}
        for turn in range(4):
            version = 1 + turn % 2
            body = post(client, PICTURE, model=f"ants-and-bees:{version}").json()
            answers[version].add(str(body["predictions"]))
            assert predictor.models.keys == [("default", "ants-and-bees", version)]
        assert [len(seen) for seen in answers.values()] == [1, 1]
        assert answers[1] != answers[2]


def test_missing_cuda_stops_the_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    app = create_app(settings.model_copy(update={"device": "cuda"}))
    with pytest.raises(DeviceUnavailable), TestClient(app):
        pass


def test_decoding_on_a_gpu_that_is_not_used_stops_the_start(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"device": "cpu", "predict_decode_on": "gpu"}))
    expected = "GRAFT_PREDICT_DECODE_ON is 'gpu', but the device is 'cpu'"
    with pytest.raises(DeviceUnavailable, match=expected), TestClient(app):
        pass


class TestWithSeveralLanes:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"predict_lanes": 2, "predict_queue_size": 64})

    def test_promotions_under_load_take_effect_at_once_without_errors(
        self, client: TestClient, database: Database, storage: LocalStorage
    ) -> None:
        register_model(database, storage, seed=1)
        current, moved = [1], threading.Lock()
        path = "/models/ants-and-bees/aliases/champion"
        assert client.put(path, json={"version": 1}).status_code == 200
        client.put("/serving", json={"model": "ants-and-bees"})

        def promote(version: int) -> None:
            with moved:
                current.append(version)
            assert client.put(path, json={"version": version}).status_code == 200
            with moved:
                del current[:-1]

        def send(_: int) -> tuple[int, int, set[int]]:
            with moved:
                first, start = len(history), set(current)
            answer = post(client, PICTURE)
            with moved:
                possible = start | set(current) | set(history[first:])
            return answer.status_code, answer.json()["model"]["version"], possible

        history: list[int] = []
        with ThreadPoolExecutor(8) as threads:
            asked = threads.map(send, range(120))
            for number in range(12):
                version = 2 - number % 2
                promote(version)
                history.append(version)
            answers = list(asked)
        assert {status for status, _, _ in answers} == {200}
        assert all(version in possible for _, version, possible in answers)
        assert {version for _, version, _ in answers} == {1, 2}
        for version in (1, 2, 1):
            promote(version)
            assert post(client, PICTURE).json()["model"]["version"] == version
