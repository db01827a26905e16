"""The study routes, without a worker."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from app.db.session import Database
from tests.datasets import add_dataset

SCRATCH = {"weights": "none", "epochs": 2}
PAIR = [{"name": "plain"}, {"name": "longer", "epochs": 3}]


@pytest.fixture
def dataset_id(database: Database) -> str:
    return add_dataset(database, num_val=100)


def post(client: TestClient, headers: dict[str, str] | None = None, **fields: Any) -> Response:
    return client.post("/studies", json={"base": SCRATCH} | fields, headers=headers)


def post_pair(client: TestClient, dataset_id: str, **fields: Any) -> Any:
    answer = post(client, dataset_id=dataset_id, configurations=PAIR, **fields)
    assert answer.status_code == 202, answer.text
    return answer.json()


def test_a_study_is_a_job_for_each_configuration_and_seed(
    client: TestClient, dataset_id: str
) -> None:
    answer = post(
        client, dataset_id=dataset_id, configurations=PAIR, seeds=2, metadata={"team": "ants"}
    )
    assert answer.status_code == 202
    study = answer.json()
    assert answer.headers["location"] == f"/studies/{study['id']}"
    assert (study["name"], study["status"], study["is_terminal"]) == ("colors", "running", False)
    assert (study["base"], study["seeds"], study["search"]) == (SCRATCH, [0, 1], None)
    assert (study["progress"]["runs"], study["progress"]["queued"]) == (4, 4)
    assert study["metadata"] == {"team": "ants"}
    assert [(one["trial"], one["name"], one["changes"]) for one in study["ranking"]] == [
        (1, "plain", {}),
        (2, "longer", {"epochs": 3}),
    ]
    assert client.get(f"/studies/{study['id']}").json() == study

    jobs = client.get("/jobs", params={"study_id": study["id"]}).json()["data"]
    summary = [(job["trial"], job["config"]["seed"], job["config"]["epochs"]) for job in jobs]
    assert summary == [(2, 1, 3), (1, 1, 2), (2, 0, 3), (1, 0, 2)], "newest first, seed by seed"
    assert {job["study_id"] for job in jobs} == {study["id"]}
    runs = {run["job_id"] for one in study["ranking"] for run in one["runs"]}
    assert runs == {job["id"] for job in jobs}


def test_pretrained_against_scratch_is_one_call(client: TestClient, dataset_id: str) -> None:
    answer = post(
        client,
        dataset_id=dataset_id,
        base={},
        configurations=[
            {"name": "pretrained"},
            {"name": "scratch", "strategy": "scratch", "weights": "none"},
        ],
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "WEIGHTS_UNAVAILABLE")
    assert problem["detail"].startswith("pretrained: "), "these tests have no weights"


def test_objects_merge_while_their_name_stays_the_same(client: TestClient, dataset_id: str) -> None:
    study = post_pair(
        client,
        dataset_id,
        base=SCRATCH | {"optimizer": {"name": "sgd", "momentum": 0.5}},
    )
    assert study["base"]["optimizer"] == {"name": "sgd", "momentum": 0.5}
    answer = post(
        client,
        dataset_id=dataset_id,
        base=SCRATCH | {"optimizer": {"name": "sgd", "momentum": 0.5}},
        search={
            "method": "grid",
            "space": {"optimizer.learning_rate": [0.5], "optimizer.name": ["sgd", "adamw"]},
        },
    )
    jobs = client.get("/jobs", params={"study_id": answer.json()["id"]}).json()["data"]
    adamw, sgd = (job["config"]["optimizer"] for job in jobs)
    assert (sgd["name"], sgd["learning_rate"], sgd["momentum"]) == ("sgd", 0.5, 0.5)
    assert (adamw["name"], adamw["learning_rate"]) == ("adamw", 0.5)
    assert answer.json()["ranking"][0]["name"] == "learning_rate 0.5, name sgd"


def test_a_search_draws_the_same_again(client: TestClient, dataset_id: str) -> None:
    search = {
        "method": "random",
        "space": {"optimizer.learning_rate": {"low": 0.001, "high": 0.1, "log": True}},
        "num_trials": 3,
    }
    first, again = (post(client, dataset_id=dataset_id, search=search).json() for _ in range(2))
    drawn = [[one["changes"] for one in study["ranking"]] for study in (first, again)]
    assert drawn[0] == drawn[1]
    assert first["search"]["space"] == {
        "optimizer.learning_rate": {"low": 0.001, "high": 0.1, "log": True, "integer": False}
    }


def test_the_same_key_gives_the_same_study(client: TestClient, dataset_id: str) -> None:
    key = {"Idempotency-Key": "once"}
    first = post(client, key, dataset_id=dataset_id, configurations=PAIR)
    again = post(client, key, dataset_id=dataset_id, configurations=PAIR)
    assert (again.status_code, again.json()) == (202, first.json())
    other = post(client, key, dataset_id=dataset_id, configurations=PAIR, seeds=2)
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert len(client.get("/studies").json()["data"]) == 1


@pytest.mark.parametrize(
    ("fields", "loc", "allowed"),
    [
        ({"base": {"epochs": 0}}, "body.base.epochs", ">= 1"),
        ({"base": {"epoch": 1}}, "body.base.epoch", None),
        ({"base": SCRATCH | {"seed": 3}}, "body.base.seed", "seeds of the study"),
        ({"base": {"architecture": "resnet999"}}, "body.base.architecture", "resnet18"),
        ({"base": {"architecture": "a\x00b"}}, "body.base.architecture", "control characters"),
        ({"configurations": [{"name": "a", "dataset_id": "ds_1"}]}, "0.dataset_id", "dataset_id"),
        (
            {"configurations": [{"name": "a"}, {"name": "b", "preset": "guess"}]},
            "body.configurations.1.preset",
            "tutorial",
        ),
        (
            {"configurations": [{"name": "a"}, {"name": "b", "strategy": "partial"}]},
            "body.configurations.1.strategy",
            "scratch",
        ),
        (
            {"configurations": [{"name": "a", "optimizer": {"name": "adamw", "momentum": 0.5}}]},
            "body.configurations.0.optimizer.momentum",
            "weight_decay",
        ),
        ({"configurations": [{"name": "a"}, {"name": "a"}]}, "body", None),
        ({"configurations": [{}]}, "body.configurations.0.name", None),
        ({"configurations": None}, "body", None),
        ({"seeds": 0}, "body.seeds", None),
        ({"seeds": 10**9}, "body.seeds", None),
        ({"seeds": [1, 1]}, "body", None),
        ({"seeds": [-1]}, "body.seeds.0", ">= 0"),
        (
            {"seeds": 30, "configurations": [{"name": f"{n}"} for n in range(7)]},
            "body.seeds",
            "<= 200 jobs",
        ),
    ],
)
def test_a_problem_has_its_location_in_the_request(
    client: TestClient, dataset_id: str, fields: dict[str, Any], loc: str, allowed: str | None
) -> None:
    answer = post(client, **({"dataset_id": dataset_id, "configurations": PAIR} | fields))
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION")
    found = {".".join(map(str, error["loc"])): error for error in answer.json()["errors"]}
    (place,) = [one for one in found if one.endswith(loc)]
    if allowed:
        assert any(allowed in one for one in found[place]["allowed"])
    assert client.get("/jobs").json()["data"] == []
    assert client.get("/studies").json()["data"] == []


def test_an_invalid_value_of_the_space_is_reported_once(
    client: TestClient, dataset_id: str
) -> None:
    search = {
        "method": "grid",
        "space": {"optimizer.learning_rate": [0.1, -1], "epochs": [1, 2], "batch_size": [4, 8]},
    }
    answer = post(client, dataset_id=dataset_id, base={"weights": "none"}, search=search)
    (error,) = answer.json()["errors"]
    assert error["loc"] == ["body", "search", "space", "optimizer.learning_rate"]
    assert error["allowed"] == ["> 0.0"]


def test_all_problems_are_reported_at_once(client: TestClient, dataset_id: str) -> None:
    wrong = [{"name": "a", "epochs": 0}, {"name": "b"}, {"name": "c", "batch_size": 0}]
    errors = post(client, dataset_id=dataset_id, configurations=wrong).json()["errors"]
    assert [error["loc"][1:] for error in errors] == [
        ["configurations", 0, "epochs"],
        ["configurations", 2, "batch_size"],
    ]


def test_an_unknown_dataset_or_study_is_not_found(client: TestClient) -> None:
    assert post(client, dataset_id="ds_unknown", configurations=PAIR).status_code == 404
    for method, path in (
        ("GET", ""),
        ("GET", "/curves"),
        ("GET", "/curves.png"),
        ("POST", "/cancel"),
        ("DELETE", ""),
    ):
        answer = client.request(method, f"/studies/study_unknown{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_studies_are_listed_newest_first_without_ranking(
    client: TestClient, dataset_id: str
) -> None:
    ids = [post_pair(client, dataset_id)["id"] for _ in range(3)]
    page = client.get("/studies", params={"limit": 2}).json()
    assert [study["id"] for study in page["data"]] == [ids[2], ids[1]]
    assert (page["has_more"], "ranking" in page["data"][0]) == (True, False)
    rest = client.get("/studies", params={"after": page["last_id"]}).json()
    assert ([study["id"] for study in rest["data"]], rest["has_more"]) == ([ids[0]], False)


def test_a_study_is_cancelled_and_then_deleted_with_its_jobs(
    client: TestClient, dataset_id: str
) -> None:
    other = post_pair(client, dataset_id)["id"]
    path = f"/studies/{post_pair(client, dataset_id)['id']}"
    assert client.delete(path).json()["code"] == "ILLEGAL_TRANSITION"
    cancelled = client.post(f"{path}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "finished")
    assert cancelled.json()["progress"]["cancelled"] == 2
    assert cancelled.json()["finished_at"]
    assert client.post(f"{path}/cancel").json()["code"] == "ILLEGAL_TRANSITION"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    jobs = client.get("/jobs").json()["data"]
    assert {job["study_id"] for job in jobs} == {other}


def test_a_study_without_an_epoch_has_a_chart(client: TestClient, dataset_id: str) -> None:
    path = f"/studies/{post_pair(client, dataset_id)['id']}/curves.png"
    chart = client.get(path)
    assert chart.headers["content-type"] == "image/png"
    assert chart.content.startswith(b"\x89PNG")
    assert client.get(path, params={"limit": 1000}).status_code == 422


def test_a_study_without_an_epoch_has_empty_curves(client: TestClient, dataset_id: str) -> None:
    study = post_pair(client, dataset_id)
    curves = client.get(f"/studies/{study['id']}/curves", params={"points": 2}).json()
    assert curves["study_id"] == study["id"]
    assert [(one["name"], one["data"]) for one in curves["data"]] == [("plain", []), ("longer", [])]
    assert client.get(f"/studies/{study['id']}/curves", params={"points": 1}).status_code == 422


ADAPTIVE = {
    "method": "tpe",
    "space": {"optimizer.learning_rate": {"low": 0.001, "high": 0.1, "log": True}},
    "num_trials": 9,
}


def test_an_adaptive_search_begins_with_as_many_trials_as_may_be_open(
    client: TestClient, dataset_id: str
) -> None:
    answer = post(client, dataset_id=dataset_id, search=ADAPTIVE, seeds=2)
    assert answer.status_code == 202, answer.text
    study = answer.json()
    fields = ("method", "num_trials", "num_parallel", "num_startup_trials")
    assert [study["search"][name] for name in fields] == ["tpe", 9, 2, 3]
    assert study["progress"]["runs"] == 4
    assert study["search_progress"]["status"] == "waiting_for_results"
    assert [(one["trial"], one["origin"], one["bracket"]) for one in study["ranking"]] == [
        (1, "startup", None),
        (2, "startup", None),
    ]
    assert study["best_so_far"] == []
    (listed,) = client.get("/studies").json()["data"]
    assert listed["search_progress"] == study["search_progress"]
    again = post(client, dataset_id=dataset_id, search=ADAPTIVE, seeds=2).json()
    assert again["ranking"][0]["changes"] == study["ranking"][0]["changes"]
    cancelled = client.post(f"/studies/{study['id']}/cancel").json()
    assert (cancelled["status"], cancelled["search_progress"]["status"]) == ("finished", "stopped")
    assert client.delete(f"/studies/{study['id']}").status_code == 204


@pytest.mark.parametrize(
    ("base", "search", "loc", "message"),
    [
        ({}, {"method": "random", "num_parallel": 2}, "body.search", "hyperband and tpe"),
        ({}, {"method": "grid", "num_startup_trials": 2}, "body.search", "a grid needs lists"),
        ({}, {"num_parallel": 0}, "body.search.num_parallel", "greater"),
        ({}, {"num_trials": None}, "body.search", "num_trials is missing"),
        ({}, {"num_trials": 201}, "body.search.num_trials", "200"),
        ({"epochs": 0}, {}, "body.base.epochs", "0"),
        ({}, {"space": {"epochs": [1, 0]}}, "body.search.space.epochs", "0"),
        ({"epochs": None}, {"method": "hyperband"}, "body", "needs a number of epochs"),
        ({"epochs": 1}, {"method": "hyperband"}, "body", "so they need more"),
        ({"epochs": 3}, {"method": "hyperband", "min_epochs": 3}, "body", "so they need more"),
    ],
)
def test_an_invalid_adaptive_search_is_refused(
    client: TestClient,
    dataset_id: str,
    base: dict[str, Any],
    search: dict[str, Any],
    loc: str,
    message: str,
) -> None:
    answer = post(client, dataset_id=dataset_id, base=SCRATCH | base, search=ADAPTIVE | search)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION")
    (error,) = answer.json()["errors"]
    assert (".".join(error["loc"]), message in error["message"]) == (loc, True), error
    assert client.get("/studies").json()["data"] == []


def test_an_adaptive_search_has_no_more_jobs_than_any_study(
    client: TestClient, dataset_id: str
) -> None:
    answer = post(client, dataset_id=dataset_id, search=ADAPTIVE | {"num_trials": 101}, seeds=2)
    (error,) = answer.json()["errors"]
    assert (error["loc"], error["allowed"]) == (["body", "seeds"], ["<= 200 jobs"])
