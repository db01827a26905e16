"""Errors are problem details, and rejected requests leave nothing behind."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"max_json_bytes": 500_000, "max_upload_bytes": 2_000, "max_predict_bytes": 2_000}
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("GET", "/jobs/job_unknown", 404, "NOT_FOUND"),
        ("DELETE", "/jobs", 405, "METHOD_NOT_ALLOWED"),
        ("PATCH", "/predict", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/jobs?limit=0", 422, "VALIDATION"),
        ("GET", "/jobs?status=gone", 422, "VALIDATION"),
        ("GET", "/jobs?after=%00", 422, "VALIDATION"),
        ("GET", "/serving", 409, "MODEL_NOT_READY"),
    ],
)
def test_errors_are_problem_details(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["instance"] == path.partition("?")[0]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["type"].startswith("urn:graft:")
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"dataset_id": NaN}', 422, "VALIDATION"),
        (b'{"dataset_id": "ds_1", "optimizer": {"learning_rate": 1e400}}', 422, "VALIDATION"),
        (rb'{"dataset_id": "\ud800"}', 422, "VALIDATION"),
        (b"[" * 100_000, 400, "BAD_JSON"),
        (b'{"dataset_id"', 400, "BAD_JSON"),
        (b"\xff", 400, "BAD_JSON"),
        (b"", 422, "VALIDATION"),
        (b"[]", 422, "VALIDATION"),
        (b"null", 422, "VALIDATION"),
        (b" " * 600_000, 413, "BODY_TOO_LARGE"),
    ],
)
def test_invalid_json_is_rejected(client: TestClient, body: bytes, status: int, code: str) -> None:
    answer = client.post("/jobs", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "Traceback" not in answer.text
    assert client.get("/jobs").json()["data"] == []


@pytest.mark.parametrize("path", ["/datasets", "/predict", "/jobs"])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_over_the_limit_is_rejected(client: TestClient, path: str, is_chunked: bool) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
        for _ in range(700):
            yield b"P" * 1000

    content_type = "application/json" if path == "/jobs" else "multipart/form-data; boundary=x"
    answer = client.post(
        path,
        content=chunks() if is_chunked else b"".join(chunks()),
        headers={"content-type": content_type},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


def test_a_content_length_that_is_not_a_number_is_rejected(client: TestClient) -> None:
    answer = client.post("/jobs", content=b"{}", headers={"content-length": "two"})
    assert answer.status_code == 400


def test_a_well_formed_request_id_of_the_client_is_kept(client: TestClient) -> None:
    kept = client.get("/livez", headers={"x-request-id": "mine-1"})
    assert kept.headers["x-request-id"] == "mine-1"
    replaced = client.get("/livez", headers={"x-request-id": "<script>"})
    assert replaced.headers["x-request-id"].startswith("req_")
