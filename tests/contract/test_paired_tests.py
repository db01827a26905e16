"""Two jobs or versions on the same images."""

from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.db.tables import ModelVersion
from app.db.tenancy import DEFAULT_TENANT
from app.jobs.prediction_file import JobPredictions
from app.ml.trust.intervals import paired_difference_interval
from app.promotions.gate import mcnemar_exact
from tests.contract.datasets import problem
from tests.contract.trainer import Trainer
from tests.reports import make_predictions, make_report

TARGETS = [0, 0, 0, 1, 1, 1, 2, 2]
THIS = make_predictions(
    TARGETS, [0, 0, 1, 1, 1, 1, 2, 0], fingerprints=[10, 20, 30, 40, 50, 60, 70, 80]
)
OTHER = make_predictions(
    TARGETS, [0, 1, 0, 0, 1, 0, 2, 1], fingerprints=[10, 20, 30, 40, 50, 60, 70, 80]
)


def make(columns: Any, *, digest: str = "ab" * 32, split: str = "val") -> JobPredictions:
    return JobPredictions(["ants", "bees", "wasps"], digest, {split: columns})  # type: ignore[dict-item]


@pytest.fixture
def jobs(trainer: Trainer, ready: str) -> tuple[str, str]:
    """Two jobs; their models are versions 1 and 2 of `ants-bees`."""
    return (
        trainer.train(ready, make_report(), make(THIS)),
        trainer.train(ready, make_report(), make(OTHER)),
    )


def compare(client: TestClient, path: str, other: str, **params: Any) -> dict[str, Any]:
    response = client.get(f"{path}/paired_test", params={"with": other, **params})
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


def name_of(client: TestClient, job_id: str) -> str:
    model = client.get(f"/jobs/{job_id}").json()["model"]
    return f"{model['name']}:{model['version']}"


def test_two_jobs_are_compared_on_the_same_images(
    client: TestClient, jobs: tuple[str, str]
) -> None:
    this, other = jobs
    result = compare(client, f"/jobs/{this}", other)
    assert result == {
        "num_images": 8,
        "both_right": 3,
        "only_this_right": 3,
        "only_other_right": 1,
        "both_wrong": 1,
        "accuracy": 0.75,
        "other_accuracy": 0.5,
        "difference": 0.25,
        "difference_interval": list(paired_difference_interval(3, 3, 1, 1)),
        "p_value": mcnemar_exact(3, 1),
    }
    reverse = compare(client, f"/jobs/{other}", this)
    assert (reverse["only_this_right"], reverse["difference"]) == (1, -0.25)
    assert compare(client, f"/jobs/{this}", this)["p_value"] == 1.0


def test_images_are_paired_by_their_bytes_not_by_their_numbers(
    client: TestClient, trainer: Trainer, jobs: tuple[str, str], ready: str
) -> None:
    """The same images under other names have other ids, and the same dataset digest."""
    this, other = jobs
    order = [7, 0, 5, 2, 3, 4, 1, 6]
    shuffled = make_predictions(
        [TARGETS[i] for i in order],
        [int(OTHER.predicted[i]) for i in order],
        fingerprints=[int(OTHER.fingerprints[i]) for i in order],
        first_id=100,
    )
    renamed = trainer.train(ready, make_report(), make(shuffled))
    assert compare(client, f"/jobs/{this}", renamed) == compare(client, f"/jobs/{this}", other)


def test_versions_are_compared_through_their_jobs(
    client: TestClient, jobs: tuple[str, str]
) -> None:
    this, other = jobs
    name, _, version = name_of(client, this).partition(":")
    result = compare(client, f"/models/{name}/versions/{version}", name_of(client, other))
    assert result == compare(client, f"/jobs/{this}", other)
    newest = compare(client, f"/models/{name}/versions/{version}", name)
    assert newest == result


def list_images(client: TestClient, jobs: tuple[str, str], **params: Any) -> dict[str, Any]:
    path = f"/jobs/{jobs[0]}/paired_test/images"
    page: dict[str, Any] = client.get(path, params={"with": jobs[1], **params}).json()
    return page


def test_images_on_which_they_disagree_are_listed(
    client: TestClient, jobs: tuple[str, str], ready: str
) -> None:
    page = list_images(client, jobs)
    outcomes = {one["image_id"]: one["outcome"] for one in page["data"]}
    assert outcomes == {
        2: "only_this_right",
        3: "only_other_right",
        4: "only_this_right",
        6: "only_this_right",
        8: "both_wrong",
    }
    assert page["data"][1] == {
        "image_id": 3,
        "path": "val/3.png",
        "label": "ants",
        "outcome": "only_other_right",
        "predicted": "bees",
        "probability": pytest.approx(0.9),
        "other_predicted": "ants",
        "other_probability": pytest.approx(0.9),
        "thumbnail_url": f"/datasets/{ready}/images/3?size=128",
    }
    chosen = list_images(client, jobs, outcome="only_this_right")["data"]
    assert [one["image_id"] for one in chosen] == [2, 4, 6]
    first = list_images(client, jobs, limit=3)
    second = list_images(client, jobs, limit=3, after=first["last_id"])
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert [one["image_id"] for one in first["data"] + second["data"]] == list(outcomes)


def test_other_images_cannot_be_compared(
    client: TestClient, trainer: Trainer, jobs: tuple[str, str], ready: str
) -> None:
    foreign = trainer.train(ready, make_report(), make(OTHER, digest="cd" * 32))
    for path in ("paired_test", "paired_test/images"):
        response = client.get(f"/jobs/{jobs[0]}/{path}", params={"with": foreign})
        assert problem(response) == (409, "NOT_COMPARABLE")
        assert "cdcdcdcdcdcd" in response.json()["detail"]
    name, _, version = name_of(client, jobs[0]).partition(":")
    path = f"/models/{name}/versions/{version}/paired_test"
    response = client.get(path, params={"with": name_of(client, foreign)})
    assert problem(response) == (409, "NOT_COMPARABLE")


def test_a_split_that_the_dataset_lacks_is_explained(
    client: TestClient, jobs: tuple[str, str]
) -> None:
    response = client.get(f"/jobs/{jobs[0]}/paired_test", params={"with": jobs[1], "split": "test"})
    assert problem(response) == (422, "VALIDATION")
    assert response.json()["errors"][0]["allowed"] == ["val"]


def test_both_jobs_need_predictions(
    client: TestClient, trainer: Trainer, jobs: tuple[str, str], ready: str
) -> None:
    without = trainer.train(ready, make_report())
    for one, other in ((jobs[0], without), (without, jobs[0])):
        response = client.get(f"/jobs/{one}/paired_test", params={"with": other})
        assert problem(response) == (409, "PREDICTIONS_NOT_READY")
        assert without in response.json()["detail"]
    response = client.get(f"/jobs/{jobs[0]}/paired_test", params={"with": "job_unknown"})
    assert problem(response) == (404, "NOT_FOUND")
    assert problem(client.get(f"/jobs/{jobs[0]}/paired_test")) == (422, "VALIDATION")


def test_a_version_without_its_own_predictions_says_why(
    client: TestClient, database: Database, jobs: tuple[str, str]
) -> None:
    name, _, version = name_of(client, jobs[0]).partition(":")
    path = f"/models/{name}/versions/{version}/paired_test"
    assert problem(client.get(path, params={"with": "a@1"})) == (422, "VALIDATION")
    assert problem(client.get(path, params={"with": "unknown"})) == (404, "NOT_FOUND")
    with database.transaction() as session:
        row = session.get_one(ModelVersion, (DEFAULT_TENANT, name, 2))
        row.quantized_key, row.quantized_from = "int8", 1
    response = client.get(path, params={"with": f"{name}:2"})
    assert problem(response) == (409, "PREDICTIONS_NOT_READY")
    assert "int8" in response.json()["detail"]
    assert client.delete(f"/jobs/{jobs[0]}").status_code == 204
    response = client.get(path, params={"with": f"{name}:1"})
    assert problem(response) == (409, "PREDICTIONS_NOT_READY")
    assert "was deleted" in response.json()["detail"]


def test_equal_bytes_with_different_labels_are_paired_by_label(
    client: TestClient, trainer: Trainer, ready: str
) -> None:
    one = make_predictions([0, 1], [0, 0], fingerprints=[5, 5])
    other = make_predictions([1, 0], [0, 0], fingerprints=[5, 5], first_id=7)
    ids = [trainer.train(ready, make_report(), make(columns)) for columns in (one, other)]
    result = compare(client, f"/jobs/{ids[0]}", ids[1])
    assert (result["both_right"], result["both_wrong"]) == (1, 1)
    two = replace(other, predicted=other.targets)
    third = trainer.train(ready, make_report(), make(two))
    assert compare(client, f"/jobs/{ids[0]}", third)["only_other_right"] == 1
