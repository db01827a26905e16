"""Heat maps of a dataset's images."""

import io
from base64 import b64decode
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.db.session import Database
from app.storage import LocalStorage
from tests.contract.datasets import problem
from tests.models import CLASS_NAMES, PREPROCESSING, register_model

MODEL = "ants-and-bees"


@pytest.fixture(autouse=True)
def version(database: Database, storage: LocalStorage) -> int:
    return register_model(database, storage, MODEL)


def get(client: TestClient, dataset_id: str, image_id: int = 1, **params: Any) -> Any:
    path = f"/datasets/{dataset_id}/images/{image_id}/heatmap.png"
    return client.get(path, params={"model": MODEL, **params})


def test_it_is_the_heat_map_of_predict(client: TestClient, ready: str) -> None:
    response = get(client, ready)
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    side = PREPROCESSING.input_size
    assert Image.open(io.BytesIO(response.content)).size == (side, side)
    original = client.get(f"/datasets/{ready}/images/1").content
    params: dict[str, Any] = {"model": MODEL, "explain": True}
    predicted = client.post("/predict", files={"image": original}, params=params).json()
    explanation = predicted["explanation"]
    assert response.content == b64decode(explanation["heatmap_png"])
    assert explanation["crop"] == side / PREPROCESSING.resize_size
    assert float(response.headers["x-heat-map-crop"]) == pytest.approx(explanation["crop"])
    assert get(client, ready, label=explanation["label"]).content == response.content


def test_each_class_has_its_own(client: TestClient, ready: str) -> None:
    maps = {get(client, ready, label=name).content for name in CLASS_NAMES}
    assert len(maps) == len(CLASS_NAMES)


def test_only_that_of_a_version_may_be_cached(client: TestClient, ready: str) -> None:
    assert get(client, ready).headers["cache-control"] == "private, no-cache"
    pinned = get(client, ready, model=f"{MODEL}:1")
    assert pinned.headers["cache-control"].endswith("immutable")


def test_mistakes_are_explained(client: TestClient, ready: str) -> None:
    response = get(client, ready, label="moths")
    assert problem(response) == (422, "VALIDATION")
    (error,) = response.json()["errors"]
    assert (error["loc"], error["allowed"]) == (["query", "label"], list(CLASS_NAMES))
    assert problem(get(client, ready, 99)) == (404, "NOT_FOUND")
    assert problem(get(client, "ds_unknown")) == (404, "NOT_FOUND")
    assert problem(get(client, ready, model="unknown")) == (404, "NOT_FOUND")
    invalid = get(client, ready, model="Ants")
    assert (problem(invalid), invalid.json()["errors"][0]["loc"]) == (
        (422, "VALIDATION"),
        ["query", "model"],
    )
    assert problem(client.get(f"/datasets/{ready}/images/1/heatmap.png")) == (422, "VALIDATION")


def test_it_waits_in_the_queue_of_predictions(client: TestClient, ready: str) -> None:
    predictor = client.app.state.predictor  # type: ignore[attr-defined]  # ours is FastAPI
    predictor.lanes.queue_size = 0
    response = get(client, ready)
    assert problem(response) == (503, "OVERLOADED")
    assert response.headers["retry-after"]


def test_it_reserves_memory_for_its_image(client: TestClient, ready: str) -> None:
    predictor = client.app.state.predictor  # type: ignore[attr-defined]  # ours is FastAPI
    num_bytes = client.get(f"/datasets/{ready}/images").json()["data"][0]["num_bytes"]
    with predictor.body_memory.reserve(predictor.body_memory.max_bytes - num_bytes):
        assert get(client, ready).status_code == 200
    with predictor.body_memory.reserve(predictor.body_memory.max_bytes - num_bytes + 1):
        assert problem(get(client, ready)) == (503, "OVERLOADED")
    assert predictor.body_memory.num_bytes == 0
