"""Control characters are refused by one rule on both databases: 404 in paths, else 422."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.db.session import Database
from tests.contract.conftest import Backend
from tests.contract.datasets import upload
from tests.contract.test_registry import problem_of
from tests.datasets import add_dataset
from tests.models import register_file

CHARACTERS = ["\x00", "\x1b"]
VALUES = {"image_id": "1", "version": "1", "name": "ants", "alias": "champion"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Run each test on both databases."""
    backend: Backend = request.param
    return backend


def list_operations(client: TestClient) -> list[tuple[str, str, dict[str, Any]]]:
    app = client.app
    assert isinstance(app, FastAPI)
    return [
        (method.upper(), path, operation)
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]


def fill(path: str, **values: str) -> str:
    """Return a path with values for its parameters: those given, or plausible ones."""
    return re.sub(r"{(\w+)}", lambda found: (values | VALUES).get(found[1], "id_1"), path)


def test_no_path_may_have_one(client: TestClient) -> None:
    probes = [
        (method, fill(path.replace(f"{{{name}}}", quote(f"a{character}"))))
        for method, path, _ in list_operations(client)
        for name in re.findall(r"{(\w+)}", path)
        for character in CHARACTERS
    ]
    probes += [("GET", f"/{quote(character)}") for character in CHARACTERS]
    probes += [("GET", f"/ui/{quote(character)}") for character in CHARACTERS]
    assert len(probes) > 120
    for method, path in probes:
        answer = client.request(method, path)
        if method == "HEAD":  # has no body
            assert answer.status_code == 404, path
        else:
            assert problem_of(answer) == (404, "NOT_FOUND"), (method, path)


def test_no_query_may_have_one(client: TestClient) -> None:
    probes = [
        (method, fill(path), parameter["name"])
        for method, path, operation in list_operations(client)
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query"
    ]
    probes.append(("GET", "/jobs", "metadata.a"))
    assert len(probes) > 70
    for method, path, name in probes:
        for character in CHARACTERS:
            answer = client.request(method, path, params={name: f"a{character}"})
            assert problem_of(answer) == (422, "VALIDATION"), (method, path, name)
            (error,) = answer.json()["errors"]
            assert error["loc"] == ["query", name]
            assert f"U+{ord(character):04X}" in error["message"]


def test_a_query_parameters_name_may_not_have_one(client: TestClient) -> None:
    answer = client.get("/jobs?metadata.a%00b=c")
    assert problem_of(answer) == (422, "VALIDATION")


@pytest.mark.parametrize(
    ("method", "path", "body", "place"),
    [
        ("POST", "/jobs", {"dataset_id": "a\x00"}, ["dataset_id"]),
        ("POST", "/jobs", {"dataset_id": "ds_1", "metadata": {"a": "\x00"}}, ["metadata", "a"]),
        ("POST", "/jobs", {"dataset_id": "ds_1", "metadata": {"\x00": "a"}}, ["metadata", "\x00"]),
        ("POST", "/jobs", {"dataset_id": "ds_1", "weights": "a\x00"}, ["weights"]),
        ("POST", "/jobs", {"clone_of": "\x00"}, ["clone_of"]),
        ("POST", "/jobs/validate", {"dataset_id": "\x07"}, ["dataset_id"]),
        (
            "POST",
            "/studies",
            {"dataset_id": "ds_1", "configurations": [{"name": "a"}, {"name": "\x9f"}]},
            ["configurations", 1, "name"],
        ),
        ("POST", "/predictions", {"dataset_id": "\x00"}, ["dataset_id"]),
        ("PUT", "/serving", {"model": "\x00"}, ["model"]),
        ("PUT", "/models/ants/metadata", {"a": "\x00"}, ["a"]),
        (
            "PUT",
            "/models/ants/aliases/champion",
            {"version": 1, "force": True, "reason": "\x08"},
            ["reason"],
        ),
        ("POST", "/models/ants/versions/1/evaluate", {"dataset_id": "\x00"}, ["dataset_id"]),
    ],
)
def test_no_json_string_may_have_one(
    client: TestClient, method: str, path: str, body: dict[str, Any], place: list[str | int]
) -> None:
    answer = client.request(method, path, json=body)
    assert problem_of(answer) == (422, "VALIDATION")
    (error,) = answer.json()["errors"]
    assert error["loc"] == ["body", *place]
    assert "control character U+00" in error["message"]


def test_no_form_field_and_no_key_may_have_one(client: TestClient) -> None:
    for fields in (
        {"name": "a\x00"},
        {"metadata": r'{"a": "\u0000"}'},
        {"metadata": '{"a": "\x7f"}'},
    ):
        assert problem_of(upload(client, **fields)) == (422, "VALIDATION")
    assert problem_of(upload(client, key="a\x00")) == (422, "VALIDATION")
    assert client.get("/datasets").json()["data"] == []


def test_lines_and_tabs_are_text(client: TestClient, database: Database) -> None:
    note = {"note": "first\r\nsecond\tcolumn"}
    body = {"dataset_id": add_dataset(database), "weights": "none", "metadata": note}
    job = client.post("/jobs", json=body).json()
    assert job["metadata"] == note
    found = client.get("/jobs", params={"metadata.note": note["note"]}).json()["data"]
    assert [one["id"] for one in found] == [job["id"]]
    register_file(database, "ants")
    assert client.put("/models/ants/metadata", json=note).json()["metadata"] == note
