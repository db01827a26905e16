"""Promoted versions are loaded before a request needs them."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from tests.images import draw_picture, encode
from tests.models import register_file, register_model

CHOSEN, MODEL, OTHER = "first", "ants-and-bees", "others"
IMAGE = encode(draw_picture())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"predict_refresh_seconds": 0.05})


@pytest.fixture
def loaded(client: TestClient) -> Callable[[str, int], bool]:
    """Return a function that waits until a version is loaded without a request."""
    app: Any = client.app

    def wait(name: str, version: int) -> bool:
        deadline = time.monotonic() + 30
        while ("default", name, version) not in app.state.predictor.models.keys:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    return wait


def promote(client: TestClient, name: str, version: int) -> None:
    answer = client.put(f"/models/{name}/aliases/champion", json={"version": version})
    assert answer.status_code == 200, answer.text


def predict(client: TestClient, **query: str) -> Any:
    answer = client.post("/predict", files={"image": IMAGE}, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["model"]


def test_the_first_model_is_loaded_once_it_is_the_serving_model(
    client: TestClient,
    database: Database,
    storage: LocalStorage,
    loaded: Callable[[str, int], bool],
) -> None:
    version = register_model(database, storage, MODEL)
    assert loaded(MODEL, version)
    assert predict(client) == {"name": MODEL, "version": version}


@pytest.mark.parametrize(
    ("name", "query"),
    [(CHOSEN, {}), (MODEL, {"model": MODEL}), (MODEL, {"model": f"{MODEL}@champion"})],
)
def test_the_new_version_of_a_reference_in_use_is_loaded(
    client: TestClient,
    database: Database,
    storage: LocalStorage,
    loaded: Callable[[str, int], bool],
    name: str,
    query: dict[str, str],
) -> None:
    for one in (CHOSEN, MODEL, OTHER):
        register_model(database, storage, one)
        promote(client, one, 1)
    client.put("/serving", json={"model": CHOSEN})
    assert predict(client, **query) == {"name": name, "version": 1}
    for one in (OTHER, name):  # no request has used the first
        register_model(database, storage, one, seed=1)
        promote(client, one, 2)
    assert loaded(name, 2)
    app: Any = client.app
    assert OTHER not in {key[1] for key in app.state.predictor.models.keys}
    assert predict(client, **query) == {"name": name, "version": 2}


def test_a_version_without_its_file_does_not_stop_the_watcher(
    client: TestClient,
    database: Database,
    storage: LocalStorage,
    loaded: Callable[[str, int], bool],
    caplog: pytest.LogCaptureFixture,
) -> None:
    register_model(database, storage, MODEL)
    promote(client, MODEL, 1)
    client.put("/serving", json={"model": MODEL})
    predict(client)
    register_file(database, MODEL, "jobs/gone/model.safetensors")
    register_model(database, storage, MODEL, seed=1)
    promote(client, MODEL, 2)
    deadline = time.monotonic() + 30
    while "cannot be loaded" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "The file of ants-and-bees:2 cannot be read" in caplog.text
    promote(client, MODEL, 1)
    predict(client)
    promote(client, MODEL, 3)
    assert loaded(MODEL, 3)


class TestFullCache:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"model_cache_bytes": 4_000_000})  # room for one

    def test_an_evicted_model_is_not_loaded_again(
        self,
        client: TestClient,
        database: Database,
        storage: LocalStorage,
        loaded: Callable[[str, int], bool],
    ) -> None:
        for name in (MODEL, OTHER):
            for seed in (0, 1):
                register_model(database, storage, name, seed=seed)
            promote(client, name, 1)
            predict(client, model=name)
        promote(client, MODEL, 2)
        promote(client, OTHER, 2)
        assert loaded(OTHER, 2)
        time.sleep(0.5)
        app: Any = client.app
        assert app.state.predictor.models.keys == [("default", OTHER, 2)]
