"""A job's predictions of single images."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.jobs.prediction_file import JobPredictions
from app.storage import LocalStorage
from tests.contract.datasets import problem
from tests.contract.trainer import Trainer
from tests.reports import make_predictions, make_report

PREDICTIONS = JobPredictions(
    class_names=["ants", "bees"],
    dataset_digest="ab",
    splits={
        "val": make_predictions(
            [0, 0, 0, 1, 1, 1],
            [0, 1, 1, 1, 0, 1],
            first_id=11,
            probabilities=[0.9, 0.6, 0.8, 0.7, 0.99, 0.6],
        ),
        "test": make_predictions([1], [0], first_id=17),
    },
)
ONLY_VAL = JobPredictions(["ants", "bees"], "ab", {"val": PREDICTIONS.splits["val"]})


@pytest.fixture
def job(trainer: Trainer, ready: str) -> str:
    return trainer.train(ready, make_report(), PREDICTIONS)


def read(client: TestClient, job_id: str, **params: Any) -> dict[str, Any]:
    response = client.get(f"/jobs/{job_id}/predictions", params=params)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def list_ids(client: TestClient, job_id: str, **params: Any) -> list[int]:
    return [one["image_id"] for one in read(client, job_id, **params)["data"]]


def test_each_image_has_its_prediction(client: TestClient, job: str, ready: str) -> None:
    page = read(client, job)
    assert [one["image_id"] for one in page["data"]] == [11, 12, 13, 14, 15, 16]
    assert page["data"][1] == {
        "image_id": 12,
        "path": "val/12.png",
        "label": "ants",
        "predicted": "bees",
        "probability": pytest.approx(0.6),
        "probability_of_label": pytest.approx(0.4),
        "thumbnail_url": f"/datasets/{ready}/images/12?size=128",
    }
    assert client.get(page["data"][1]["thumbnail_url"]).headers["content-type"] == "image/jpeg"
    assert list_ids(client, job, split="test") == [17]


def test_they_are_filtered_to_a_cell_of_the_confusion_matrix(client: TestClient, job: str) -> None:
    assert list_ids(client, job, label="ants", predicted="bees") == [12, 13]
    assert list_ids(client, job, label="bees") == [14, 15, 16]
    assert list_ids(client, job, predicted="ants") == [11, 15]
    assert list_ids(client, job, is_correct=False) == [12, 13, 15]
    assert list_ids(client, job, is_correct=True, label="ants") == [11]


def test_they_are_sorted_and_come_in_pages(client: TestClient, job: str) -> None:
    confident_first = [15, 11, 13, 14, 12, 16]
    assert list_ids(client, job, sort="probability") == confident_first
    for sort, order in (("image", sorted(confident_first)), ("probability", confident_first)):
        first = read(client, job, sort=sort, limit=4)
        assert ([one["image_id"] for one in first["data"]], first["has_more"]) == (order[:4], True)
        second = read(client, job, sort=sort, limit=4, after=first["last_id"])
        assert ([one["image_id"] for one in second["data"]], second["has_more"]) == (
            order[4:],
            False,
        )
    assert list_ids(client, job, sort="probability", is_correct=False, after=15) == [13, 12]


@pytest.mark.parametrize(
    ("params", "allowed"),
    [
        ({"label": "wasps"}, ["ants", "bees"]),
        ({"predicted": "a b"}, ["ants", "bees"]),
        ({"sort": "label"}, ["image", "probability"]),
        ({"split": "train"}, ["val", "test"]),
        ({"after": 5}, None),
        ({"after": 17}, None),
    ],
)
def test_bad_parameters_are_explained(
    client: TestClient, job: str, params: dict[str, Any], allowed: list[str] | None
) -> None:
    response = client.get(f"/jobs/{job}/predictions", params=params)
    assert problem(response) == (422, "VALIDATION")
    (error,) = response.json()["errors"]
    assert (error["loc"], error.get("allowed")) == (["query", *params], allowed)


def test_a_split_that_the_dataset_lacks_is_explained(
    client: TestClient, trainer: Trainer, ready: str
) -> None:
    job_id = trainer.train(ready, make_report(), ONLY_VAL)
    response = client.get(f"/jobs/{job_id}/predictions", params={"split": "test"})
    assert problem(response) == (422, "VALIDATION")
    assert response.json()["errors"][0]["allowed"] == ["val"]


def test_jobs_without_predictions_say_why(client: TestClient, trainer: Trainer, ready: str) -> None:
    queued = trainer.post(ready)
    response = client.get(f"/jobs/{queued}/predictions")
    assert problem(response) == (409, "PREDICTIONS_NOT_READY")
    assert "is queued" in response.json()["detail"]
    assert problem(client.get("/jobs/job_unknown/predictions")) == (404, "NOT_FOUND")


def test_an_older_job_says_that_it_has_none(
    client: TestClient, trainer: Trainer, ready: str
) -> None:
    response = client.get(f"/jobs/{trainer.train(ready, make_report())}/predictions")
    assert problem(response) == (409, "PREDICTIONS_NOT_READY")
    assert "clone_of" in response.json()["detail"]


def test_they_outlive_the_dataset_without_thumbnails(
    client: TestClient, job: str, ready: str
) -> None:
    assert client.delete(f"/datasets/{ready}").status_code == 204
    first = read(client, job)["data"][0]
    assert (first["path"], first["thumbnail_url"]) == ("val/11.png", None)


def test_they_are_deleted_with_their_job(
    client: TestClient, storage: LocalStorage, job: str
) -> None:
    assert [key for key in storage.list_keys() if "predictions" in key]
    assert client.delete(f"/jobs/{job}").status_code == 204
    assert [key for key in storage.list_keys() if "predictions" in key] == []
    assert problem(client.get(f"/jobs/{job}/predictions")) == (404, "NOT_FOUND")


def test_a_lost_file_is_an_error_of_its_own(
    client: TestClient, storage: LocalStorage, job: str
) -> None:
    (key,) = [key for key in storage.list_keys() if "predictions" in key]
    storage.delete(key)
    response = client.get(f"/jobs/{job}/predictions")
    assert problem(response) == (503, "CHECKPOINT_INVALID")
    assert str(storage.root) not in response.text
