"""Evaluations of versions on datasets, before and after a worker has run them."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.db.tables import Dataset
from tests.answers import complete_waiting_analysis, fail_waiting_analysis, list_analyses
from tests.contract.datasets import problem
from tests.evaluations import add_labelled_dataset, make_result, register_versions

EVALUATE = "/models/ants/versions/1/evaluate"


@pytest.fixture
def dataset_id(database: Database) -> str:
    register_versions(database, 2)
    return add_labelled_dataset(database)


def test_an_evaluation_is_202_until_it_is_ready(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    asked = client.post(EVALUATE, json={"dataset_id": dataset_id})
    assert asked.status_code == 202
    assert int(asked.headers["retry-after"]) > 0
    place = asked.headers["location"]
    assert place == f"/models/ants/versions/1/evaluations/{dataset_id}?split=test"
    assert (client.get(place).status_code, client.get(place).json()) == (202, asked.json())
    complete_waiting_analysis(database, make_result([0, 0, 1, 2], [0, 1, 1, 2]))
    found = client.get(place)
    assert found.status_code == 200
    again = client.post(EVALUATE, json={"dataset_id": dataset_id, "split": "test"})
    assert (again.status_code, again.json()) == (200, found.json())
    body = found.json()
    assert (body["name"], body["version"], body["split"]) == ("ants", 1, "test")
    assert (body["dataset_id"], body["dataset_digest"]) == (dataset_id, "d" * 64)
    assert (body["num_images"], body["accuracy"]) == (4, 0.75)
    assert body["confusion_matrix"] == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert body["class_names"] == ["ants", "bees", "wasps"]
    assert body["warnings"] == []
    assert not {"targets", "predicted"} & body.keys()
    assert len(list_analyses(database)) == 1


def test_each_split_and_version_is_evaluated_separately(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    for version, split in [(1, "val"), (1, "test"), (2, "val"), (1, "val")]:
        body = {"dataset_id": dataset_id, "split": split}
        answer = client.post(f"/models/ants/versions/{version}/evaluate", json=body)
        assert answer.status_code == 202
    assert len(list_analyses(database)) == 3


def test_the_default_split_is_test_else_val(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    with database.transaction() as session:
        splits = session.get_one(Dataset, dataset_id).splits
        session.get_one(Dataset, dataset_id).splits = splits | {"test": {"num_images": 0}}
    answer = client.post(EVALUATE, json={"dataset_id": dataset_id})
    assert answer.headers["location"].endswith("split=val")


@pytest.mark.parametrize(
    ("split", "word"), [("train", "trained on"), ("val", "best epoch"), ("test", None)]
)
def test_an_evaluation_on_seen_images_has_a_warning(
    client: TestClient, database: Database, dataset_id: str, split: str, word: str | None
) -> None:
    (version,) = register_versions(database, 1, dataset_digest="d" * 64)
    path = f"/models/ants/versions/{version}/evaluate"
    body = {"dataset_id": dataset_id, "split": split}
    client.post(path, json=body)
    complete_waiting_analysis(database, make_result([0, 1], [0, 1]))
    warnings = client.post(path, json=body).json()["warnings"]
    assert [word in one for one in warnings] == ([True] if word else [])


def test_invalid_requests_are_refused_at_once(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    def send(dataset: str, path: str = EVALUATE, **fields: Any) -> tuple[int, str]:
        return problem(client.post(path, json={"dataset_id": dataset} | fields))

    assert send("ds_unknown") == (404, "NOT_FOUND")
    assert send(dataset_id, "/models/ants/versions/9/evaluate") == (404, "NOT_FOUND")
    assert send(dataset_id, "/models/none-such/versions/1/evaluate") == (404, "NOT_FOUND")
    assert send(dataset_id, split="holdout") == (422, "VALIDATION")
    assert send(add_labelled_dataset(database, status="ingesting")) == (409, "CONFLICT")
    assert send(add_labelled_dataset(database, status="invalid")) == (409, "DATASET_INVALID")
    without = add_labelled_dataset(database, splits={"val": {"num_images": 3}})
    refused = client.post(EVALUATE, json={"dataset_id": without, "split": "train"})
    assert problem(refused) == (422, "VALIDATION")
    assert refused.json()["errors"][0]["allowed"] == ["val"]
    assert list_analyses(database) == []


def test_other_classes_are_refused_with_both_lists(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    other = add_labelled_dataset(database, class_names=["ants", "hornets"])
    refused = client.post(EVALUATE, json={"dataset_id": other})
    assert problem(refused) == (422, "VALIDATION")
    for name in ("ants", "bees", "wasps", "hornets"):
        assert name in refused.json()["detail"]
    assert dataset_id not in refused.text


def test_an_evaluation_that_was_not_requested_is_not_found(
    client: TestClient, dataset_id: str
) -> None:
    place = f"/models/ants/versions/1/evaluations/{dataset_id}"
    assert problem(client.get(place)) == (404, "NOT_FOUND")
    client.post(EVALUATE, json={"dataset_id": dataset_id})
    assert client.get(place).status_code == 202


def test_a_failed_evaluation_returns_its_error(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    client.post(EVALUATE, json={"dataset_id": dataset_id})
    fail_waiting_analysis(database, "UNAVAILABLE", "The file of the version cannot be read.")
    answer = client.post(EVALUATE, json={"dataset_id": dataset_id})
    assert problem(answer) == (503, "UNAVAILABLE")
    assert "file" in answer.json()["detail"]


def test_a_version_deleted_meanwhile_is_not_found(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    client.post(EVALUATE, json={"dataset_id": dataset_id})
    client.put("/serving", json={"model": "ants:2"})
    assert client.delete("/models/ants/versions/1").status_code == 204
    complete_waiting_analysis(database, make_result([0], [0]))
    assert problem(client.post(EVALUATE, json={"dataset_id": dataset_id})) == (404, "NOT_FOUND")
    place = f"/models/ants/versions/1/evaluations/{dataset_id}"
    assert problem(client.get(place)) == (404, "NOT_FOUND")


def test_a_dataset_is_deleted_with_its_evaluations(
    client: TestClient, database: Database, dataset_id: str
) -> None:
    client.post(EVALUATE, json={"dataset_id": dataset_id})
    assert client.delete(f"/datasets/{dataset_id}").status_code == 204
    assert list_analyses(database) == []
    assert problem(client.post(EVALUATE, json={"dataset_id": dataset_id})) == (404, "NOT_FOUND")
