"""Errors say what is wrong, what is allowed and what to do, each once."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from pydantic import BaseModel

from app.batches.schemas import BatchRequest
from app.main import ROUTERS, create_app
from app.recipes.schemas import JobRequest
from app.settings import Settings

MISTAKES: list[tuple[str, str, Any]] = [
    ("POST", "/jobs", {"dataset_id": "ds_1", "learning_rat": 1}),
    ("POST", "/jobs", {"dataset_id": "ds_1", "optimizer": {"learning_rat": 1}}),
    ("POST", "/jobs", {"dataset_id": "ds_1", "mixing": {"name": "mixup", "alfa": 1}}),
    ("POST", "/jobs", {"dataset_id": "ds_1", "mixing": {"name": "mixupp"}}),
    ("POST", "/jobs", {"dataset_id": "ds_1", "mixing": {}}),
    ("POST", "/jobs", {"dataset_id": "ds_1", "architecture": "resnet81"}),
    ("POST", "/jobs", {"dataset_id": "ds_1", "strategy": "finetune"}),
    ("POST", "/jobs", {"dataset_id": "ds_1", "epochs": 0, "batch_size": "x", "seed": -1}),
    ("POST", "/jobs", {"dataset_id": "ds_1", "model_name": "imagenet", "metadata": {"a": 3}}),
    ("POST", "/jobs", {"dataset_id": "ds_1", "clone_of": "job_1"}),
    ("POST", "/jobs", {}),
    ("POST", "/jobs", []),
    ("POST", "/jobs/validate", {"dataset_id": "ds_1", "epohcs": 1}),
    ("POST", "/jobs/validate", []),
    ("POST", "/studies", {"dataset_id": "ds_1", "configurations": [{"name": "a"}], "seeds": 0}),
    ("POST", "/studies", {"dataset_id": "ds_1", "configurations": [{"name": "a", "epohcs": 1}]}),
    (
        "POST",
        "/studies",
        {"dataset_id": "ds_1", "base": {"epohcs": 1}, "configurations": [{"name": "a"}] * 2},
    ),
    (
        "POST",
        "/studies",
        {"dataset_id": "ds_1", "search": {"method": "grid", "space": {"epochs": {"lo": 1}}}},
    ),
    (
        "POST",
        "/studies",
        {"dataset_id": "ds_1", "search": {"method": "grid", "space": {"epochs": 3}}},
    ),
    (
        "POST",
        "/studies",
        {"dataset_id": "ds_1", "search": {"method": "grid", "space": {"epochs": []}}},
    ),
    ("POST", "/predictions", {"dataset_id": "ds_1", "modle": "x", "top_k": 0}),
    ("PUT", "/serving", {"model": "a b"}),
    ("PUT", "/serving", {"model": "a", "shadow": {"fration": 2}}),
    ("PUT", "/models/m/gate", {"max_class_drp": 3}),
    ("PUT", "/models/m/metadata", {"a": 3, "b": 4}),
    ("PUT", "/models/m/aliases/champion", {"version": "x", "forc": 1}),
    ("POST", "/predict?top_k=0&modl=x&coverage=2", None),
    ("GET", "/jobs?limit=0&status=gone", None),
    ("GET", f"/jobs/{'j' * 41}/events/stream", None),
    ("GET", "/datasets/ds_1/advice?architecture=resnet81", None),
    ("GET", "/datasets/a%20b/images?limit=0&split=x", None),
    ("POST", "/v2/models/m/infer", {"inputs": [{"name": "image"}]}),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[TestClient]:
    """Yield one application for all tests; rejected requests leave no state."""
    data_dir = tmp_path_factory.mktemp("mistakes")
    shutil.copy(migrated_file, data_dir / "graft.db")
    settings = Settings(
        data_dir=data_dir,
        api_processes=1,
        weights_download=False,
        device="cpu",
        predict_engine="torch",
        trusted_hosts="testserver",
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client
        for path in ("/datasets", "/jobs", "/studies", "/predictions", "/models"):
            assert client.get(path).json()["data"] == []


@pytest.mark.parametrize(("method", "path", "body"), MISTAKES)
def test_each_mistake_is_reported_once_in_a_sentence(
    client: TestClient, method: str, path: str, body: Any
) -> None:
    answer = client.request(method, path, json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "VALIDATION")
    errors = problem["errors"]
    pairs = [(tuple(error["loc"]), error["message"]) for error in errors]
    assert len(set(pairs)) == len(pairs)
    messages = [error["message"] for error in errors]
    assert len(set(messages)) == len(messages)
    assert problem["detail"] == " ".join(messages)
    for message in messages:
        assert message.endswith((".", "?"))
        assert not re.search(r"Extra inputs|Value error|function-|tagged-union|Input ", message)


@pytest.mark.parametrize(
    ("fields", "place", "told"),
    [
        ({"epohcs": 3}, ["epohcs"], "did you mean `epochs`?"),
        ({"learning_rate": 0.1}, ["learning_rate"], "did you mean `optimizer.learning_rate`?"),
        (
            {"optimizer": {"learning_rat": 0.1}},
            ["optimizer", "learning_rat"],
            "did you mean `learning_rate`?",
        ),
        (
            {"optimizer": {"name": "sgd", "folds": 3}},
            ["optimizer", "folds"],
            "not a field of sgd; allowed: learning_rate, momentum, weight_decay.",
        ),
        (
            {"mixing": {"name": "cutmix", "alpa": 1}},
            ["mixing", "alpa"],
            "not a field of cutmix; did you mean `alpha`?",
        ),
        ({"quux": 1}, ["quux"], "are listed at /docs."),
        ({"epochs": 0}, ["epochs"], "`epochs` is 0; it must be greater than or equal to 1."),
        ({"mixing": {"name": "x"}}, ["mixing"], '`mixing.name` is "x"; it must be one of \'mixup'),
        ({"architecture": "resnet81"}, ["architecture"], "did you mean `resnet18`"),
    ],
)
@pytest.mark.parametrize("path", ["/jobs", "/studies"])
def test_an_unknown_name_gets_a_suggestion(
    client: TestClient, path: str, fields: dict[str, Any], place: list[str], told: str
) -> None:
    if path == "/jobs":
        body: dict[str, Any] = {"dataset_id": "ds_1", **fields}
        prefix: list[Any] = ["body"]
    else:
        configurations = [{"name": "a", **fields}]
        body = {"dataset_id": "ds_1", "configurations": configurations}
        prefix = ["body", "configurations", 0]
        told = told.replace("`epochs` is", "`configurations.0.epochs` is")
        told = told.replace("`mixing.name`", "`configurations.0.mixing.name`")
    (error,) = client.post(path, json=body).json()["errors"]
    assert error["loc"] == [*prefix, *place]
    assert told in error["message"]
    assert len(error.get("allowed") or []) <= 12


def test_the_number_of_errors_is_limited(client: TestClient) -> None:
    body = {f"field_{number}": 1 for number in range(20_000)}
    answer = client.post("/jobs", json=body)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) <= 50


NUMBERS = [
    ("POST", "/jobs", {"dataset_id": "ds_1"}, ["epochs"]),
    ("POST", "/jobs", {"dataset_id": "ds_1"}, ["optimizer", "learning_rate"]),
    ("POST", "/jobs", {"dataset_id": "ds_1"}, ["early_stopping", "patience"]),
    ("POST", "/jobs/validate", {"dataset_id": "ds_1"}, ["batch_size"]),
    ("POST", "/studies", {"dataset_id": "ds_1"}, ["search", "trials"]),
    ("PUT", "/models/m/aliases/champion", {}, ["version"]),
    ("PUT", "/models/m/gate", {"dataset_id": "ds_1"}, ["max_class_drop"]),
    ("PUT", "/serving", {"model": "m"}, ["shadow", "fraction"]),
    ("POST", "/predictions", {"dataset_id": "ds_1"}, ["top_k"]),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), NUMBERS)
@pytest.mark.parametrize("wrong", [True, "5", "0.5"])
def test_a_number_is_neither_a_string_nor_a_boolean(
    client: TestClient, method: str, path: str, body: Any, field: list[str], wrong: object
) -> None:
    *outer, last = field
    value: Any = {last: wrong}
    for name in reversed(outer):
        value = {name: value}
    answer = client.request(method, path, json=body | value)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION")
    wrong_fields = [error["loc"] for error in answer.json()["errors"]]
    assert ["body", *field] in wrong_fields


def list_body_models() -> set[type[BaseModel]]:
    """Find the models of all JSON bodies, and those within them."""
    found: set[type[BaseModel]] = set()

    def visit(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in found:
            found.add(kind)
            for field in kind.model_fields.values():
                visit(field.annotation)
        for part in get_args(kind):
            visit(part)

    visit(BatchRequest)
    routes = (route for router in ROUTERS for route in router.routes)
    for route in routes:
        for body in list_bodies(route.dependant) if isinstance(route, APIRoute) else ():
            visit(body)
    return found


def list_bodies(dependant: Dependant) -> list[Any]:
    own = [body.field_info.annotation for body in dependant.body_params]
    return own + [body for inner in dependant.dependencies for body in list_bodies(inner)]


def test_every_body_takes_numbers_strictly() -> None:
    models = list_body_models()
    assert JobRequest in models
    assert [model.__name__ for model in models if not model.model_config.get("strict")] == []


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/jobs", "GET, POST"),
        ("/jobs/job_1", "GET, DELETE"),
        ("/models/m/gate", "GET, PUT, DELETE"),
        ("/serving", "GET, PUT"),
        ("/docs/files/swagger-ui.css", "GET, HEAD"),
    ],
)
def test_allow_lists_every_method(client: TestClient, path: str, methods: str) -> None:
    answer = client.patch(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, methods)


WRONG_TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]


def send(client: TestClient, command: str) -> Any:
    """Send the request of a curl command."""
    words = shlex.split(command)
    method = words[words.index("-X") + 1] if "-X" in words else "POST"
    url = next(word for word in words if word.startswith("http"))
    if "-F" in words:
        name, _, file = words[words.index("-F") + 1].partition("=@")
        return client.request(method, url, files={name: (file, b"PK")})
    header = words[words.index("-H") + 1].split(": ")
    return client.request(method, url, content=words[words.index("-d") + 1], headers=dict([header]))


@pytest.mark.parametrize("content_type", WRONG_TYPES)
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/jobs", ["application/json"]),
        ("POST", "/jobs/validate", ["application/json"]),
        ("POST", "/studies", ["application/json"]),
        ("PUT", "/serving", ["application/json"]),
        ("PUT", "/models/m/metadata", ["application/json"]),
        ("PUT", "/models/m/gate", ["application/json"]),
        ("PUT", "/models/m/aliases/champion", ["application/json"]),
        ("POST", "/datasets", ["multipart/form-data", "application/json"]),
        ("POST", "/predictions", ["application/json", "multipart/form-data"]),
        ("POST", "/predict", None),
    ],
)
def test_a_wrong_content_type_gets_a_curl_command_that_works(
    client: TestClient, method: str, path: str, expected: list[str] | None, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = client.request(method, path, content=b"a=b", headers=headers)
    problem = answer.json()
    if path in {"/predictions", "/datasets"} and content_type == "multipart/form-data":
        expected = ["multipart/form-data"]
    if expected is not None:
        assert (answer.status_code, problem["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        (error,) = problem["errors"]
        assert (error["loc"], error["allowed"]) == (["header", "content-type"], expected)
    detail = problem["detail"]
    if "predict" in path and content_type == "multipart/form-data":
        assert "without a boundary" in detail
    assert (content_type or "without a content type") in detail
    again = send(client, detail.partition("For example: ")[2])
    assert again.json().get("code") != "VALIDATION" or "content-type" not in again.text
    assert "was sent" not in again.text
