"""Routes of the shadow model: set, count, remove, without an effect on responses."""

import time
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.db.tables import ModelVersion
from app.db.tenancy import DEFAULT_TENANT
from app.settings import Settings
from app.storage import LocalStorage
from tests.contract.datasets import problem
from tests.models import register_file, register_model
from tests.uploads import draw_picture

PICTURES = [draw_picture(color, 3) for color in ("amber", "blue", "green")]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"shadow_refresh_seconds": 0.05})


@pytest.fixture(autouse=True)
def registered(database: Database, storage: LocalStorage) -> None:
    register_model(database, storage, "champion", seed=0)
    register_model(database, storage, "challenger", seed=0)
    register_model(database, storage, "challenger", seed=1)


def choose(client: TestClient, **fields: Any) -> Any:
    return client.put("/serving", json={"model": "champion"} | fields)


def predict(client: TestClient, picture: bytes, **query: str) -> list[dict[str, Any]]:
    headers = {"content-type": "image/jpeg"}
    answer = client.post("/predict", content=picture, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    predictions: list[dict[str, Any]] = answer.json()["predictions"]
    return predictions


def predict_until(client: TestClient, field: str) -> dict[str, Any]:
    """Predict until a count of the shadow is above 0; returns the counts."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for picture in PICTURES:
            predict(client, picture)
        tally: dict[str, Any] = client.get("/serving").json()["shadow"]["tally"]
        if tally[field]:
            return tally
    raise AssertionError(f"no {field}")


def test_a_shadow_of_equal_weights_always_agrees(client: TestClient) -> None:
    chosen = choose(client, shadow={"model": "challenger:1", "fraction": 1})
    assert chosen.status_code == 200
    shadow = client.get("/serving").json()["shadow"]
    assert shadow == chosen.json()["shadow"]
    assert (shadow["model"], shadow["fraction"]) == ("challenger:1", 1.0)
    assert shadow["resolved"] == {"name": "challenger", "version": 1}
    assert (shadow["tally"]["num_images"], shadow["tally"]["agreement"]) == (0, None)
    tally = predict_until(client, "num_images")
    assert tally["agreement"] == 1.0
    assert tally["num_agreed"] == tally["num_images"]
    assert tally["mean_abs_difference"] == pytest.approx(0.0, abs=1e-6)
    low, high = tally["agreement_interval"]
    assert low < high == 1.0


def test_a_shadow_does_not_change_responses(client: TestClient) -> None:
    before = [predict(client, picture) for picture in PICTURES]
    choose(client, shadow={"model": "challenger", "fraction": 1})
    assert predict_until(client, "num_images")["mean_abs_difference"] > 0
    assert [predict(client, picture) for picture in PICTURES] == before


def test_a_shadow_without_its_file_changes_no_response(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    with database.reading() as session:
        key = session.get_one(ModelVersion, (DEFAULT_TENANT, "challenger", 2)).checkpoint_key
    storage.delete(key)
    choose(client, shadow={"model": "challenger:2", "fraction": 1})
    assert predict_until(client, "num_failed")["num_images"] == 0


def test_a_shadow_stays_until_it_is_removed(client: TestClient) -> None:
    choose(client, shadow={"model": "challenger", "fraction": 0.25})
    assert choose(client).json()["shadow"]["fraction"] == 0.25
    assert problem(client.delete("/models/challenger/versions/2")) == (409, "IN_USE")
    client.put("/models/challenger/aliases/next", json={"version": 1})
    choose(client, shadow={"model": "challenger@next", "fraction": 0.25})
    assert problem(client.delete("/models/challenger/aliases/next")) == (409, "IN_USE")
    assert choose(client, shadow=None).json()["shadow"] is None
    assert client.get("/serving").json()["shadow"] is None
    assert client.delete("/models/challenger/versions/2").status_code == 204


def test_an_invalid_shadow_is_refused_without_changes(
    client: TestClient, database: Database
) -> None:
    register_file(database, "other")
    with database.transaction() as session:
        session.get_one(ModelVersion, (DEFAULT_TENANT, "other", 1)).class_names = [
            "ants",
            "hornets",
        ]
    before = client.get("/serving").json()
    for shadow, expected in [
        ({"model": "other", "fraction": 0.5}, (422, "VALIDATION")),
        ({"model": "unknown", "fraction": 0.5}, (404, "NOT_FOUND")),
        ({"model": "challenger:9", "fraction": 0.5}, (404, "NOT_FOUND")),
        ({"model": "Challenger", "fraction": 0.5}, (422, "VALIDATION")),
        ({"model": "challenger", "fraction": 1.5}, (422, "VALIDATION")),
        ({"model": "challenger"}, (422, "VALIDATION")),
    ]:
        assert problem(choose(client, shadow=shadow)) == expected
    assert client.get("/serving").json() == before
    choose(client, shadow={"model": "challenger", "fraction": 0.5})
    assert problem(client.put("/serving", json={"model": "other"})) == (422, "VALIDATION")
    both = {"model": "other", "shadow": None}
    assert client.put("/serving", json=both).status_code == 200
