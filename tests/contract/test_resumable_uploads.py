"""`/uploads`: tus 1.0, and what is created from a finished upload."""

import base64
import errno
import fcntl
import hashlib
import os
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, cast

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.db.base import now
from app.db.session import Database
from app.db.tables import Dataset
from app.db.upload_table import ResumableUpload
from app.settings import Settings
from app.storage import LocalStorage
from tests.batches import make_archive, run_next_batch
from tests.contract.datasets import PHOTOGRAPHS, check_upload, list_ids, problem
from tests.images import draw_picture
from tests.images import encode as encode_image
from tests.models import register_model

TUS = {"Tus-Resumable": "1.0.0"}
OCTETS = {"Content-Type": "application/offset+octet-stream"}
UNKNOWN = "upl_01k0w1rhzemcbybsywa1w8p9"


def encode(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def create(client: TestClient, length: int = len(PHOTOGRAPHS), **headers: str) -> str:
    answer = client.post("/uploads", headers=TUS | {"Upload-Length": str(length)} | headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def send(
    client: TestClient, path: str, offset: int, content: bytes, **headers: str
) -> httpx.Response:
    sent = TUS | OCTETS | {"Upload-Offset": str(offset)} | headers
    return cast("httpx.Response", client.patch(path, content=content, headers=sent))


def offset_of(client: TestClient, path: str) -> int:
    answer = client.head(path, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def finish(client: TestClient, content: bytes = PHOTOGRAPHS, /, **headers: str) -> str:
    """Upload a file; return the upload's id."""
    path = create(client, len(content), **headers)
    assert send(client, path, 0, content).status_code == 204
    return path.removeprefix("/uploads/")


def file_of(storage: LocalStorage, path: str) -> bytes:
    return storage.path(f"uploads/{path.removeprefix('/uploads/')}").read_bytes()


def test_options_tell_the_capabilities(client: TestClient) -> None:
    answer = client.options("/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == answer.headers["tus-resumable"] == "1.0.0"
    assert answer.headers["tus-extension"].split(",") == [
        *("creation", "creation-with-upload", "checksum", "expiration", "termination")
    ]
    assert answer.headers["tus-checksum-algorithm"] == "sha1,sha256"
    assert int(answer.headers["tus-max-size"]) == 20 * 2**30


def test_an_upload_in_parts(client: TestClient, storage: LocalStorage) -> None:
    path = create(client, 10, **{"Upload-Metadata": f"filename {encode('Ants.zip')},private"})
    assert path.startswith("/uploads/upl_")
    head = client.head(path, headers=TUS)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("0", "10")
    assert head.headers["upload-metadata"] == f"filename {encode('Ants.zip')},private"
    first = send(client, path, 0, b"abcd")
    assert (first.status_code, first.headers["upload-offset"]) == (204, "4")
    assert first.headers["tus-resumable"] == "1.0.0"
    assert parsedate_to_datetime(first.headers["upload-expires"]) > datetime.now(UTC)
    assert offset_of(client, path) == 4
    assert send(client, path, 4, b"efghij").headers["upload-offset"] == "10"
    assert file_of(storage, path) == b"abcdefghij"


def test_the_first_bytes_may_come_with_the_creation(
    client: TestClient, storage: LocalStorage
) -> None:
    headers = TUS | OCTETS | {"Upload-Length": "6"}
    answer = client.post("/uploads", content=b"abc", headers=headers)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "3")
    send(client, answer.headers["location"], 3, b"def")
    assert file_of(storage, answer.headers["location"]) == b"abcdef"


@pytest.mark.parametrize("version", [None, "0.2.2"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/uploads"), ("PATCH", f"/uploads/{UNKNOWN}")]
)
def test_another_version_of_tus_is_refused(
    client: TestClient, version: str | None, method: str, path: str
) -> None:
    headers = {"Tus-Resumable": version} if version else {}
    answer = client.request(method, path, headers=headers)
    assert problem(answer) == (412, "TUS_VERSION_UNSUPPORTED")
    assert answer.headers["tus-version"] == "1.0.0"


def test_errors_have_the_header_of_the_version(client: TestClient) -> None:
    assert client.head(f"/uploads/{UNKNOWN}", headers=TUS).status_code == 404
    answer = send(client, f"/uploads/{UNKNOWN}", 0, b"a")
    assert problem(answer) == (404, "NOT_FOUND")
    assert answer.headers["tus-resumable"] == "1.0.0"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Upload-Length": "-1"},
        {"Upload-Length": "ten"},
        {"Upload-Length": str(2**63)},
        {"Upload-Defer-Length": "1"},
        {"Upload-Length": "1", "Upload-Metadata": "filename ä"},
        {"Upload-Length": "1", "Upload-Metadata": "filename ***"},
        {"Upload-Length": "1", "Upload-Metadata": "filename /w=="},
        {"Upload-Length": "1", "Upload-Metadata": "filename YQBi"},
        {"Upload-Length": "1", "Upload-Metadata": "a YQ==,a YQ=="},
        {"Upload-Length": "1", "Upload-Metadata": "a" * 5000},
    ],
)
def test_a_wrong_creation_is_refused(
    client: TestClient, storage: LocalStorage, headers: dict[str, str]
) -> None:
    sent = {name.encode(): text.encode() for name, text in (TUS | headers).items()}
    assert problem(client.post("/uploads", headers=sent)) == (422, "VALIDATION")
    assert list(storage.list_keys()) == []


def test_a_file_above_the_limit_is_refused(client: TestClient) -> None:
    headers = TUS | {"Upload-Length": str(20 * 2**30 + 1)}
    assert problem(client.post("/uploads", headers=headers)) == (413, "BODY_TOO_LARGE")


def test_bytes_beyond_the_length_are_refused(client: TestClient, storage: LocalStorage) -> None:
    path = create(client, 3)
    assert problem(send(client, path, 0, b"abcd")) == (413, "BODY_TOO_LARGE")
    assert (offset_of(client, path), file_of(storage, path)) == (0, b"")


def test_another_offset_is_refused(client: TestClient) -> None:
    path = create(client, 10)
    send(client, path, 0, b"abcd")
    for offset in (0, 3, 5):
        answer = send(client, path, offset, b"efghi")
        assert problem(answer) == (409, "UPLOAD_OFFSET_MISMATCH")
        assert "4 of 10" in answer.json()["detail"]
    missing = client.patch(path, content=b"x", headers=TUS | OCTETS)
    assert problem(missing) == (422, "VALIDATION")


def test_another_content_type_is_refused(client: TestClient) -> None:
    path = create(client, 4)
    headers = TUS | {"Upload-Offset": "0", "Content-Type": "application/zip"}
    answer = client.patch(path, content=b"abcd", headers=headers)
    assert problem(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_bytes_with_a_checksum_count_only_if_it_is_right(
    client: TestClient, storage: LocalStorage, algorithm: str
) -> None:
    path = create(client, 8)
    right = f"{algorithm} {encode(hashlib.new(algorithm, b'abcd').digest())}"
    wrong = send(client, path, 0, b"abcx", **{"Upload-Checksum": right})
    assert problem(wrong) == (460, "CHECKSUM_MISMATCH")
    assert (offset_of(client, path), file_of(storage, path)) == (0, b"")
    assert send(client, path, 0, b"abcd", **{"Upload-Checksum": right}).status_code == 204
    assert file_of(storage, path) == b"abcd"


@pytest.mark.parametrize(
    ("checksum", "expected"),
    [
        ("md5 rL0Y20zC+Fzt72VPzMSk2A==", (400, "CHECKSUM_UNSUPPORTED")),
        ("sha1", (422, "VALIDATION")),
        ("sha1 abc", (422, "VALIDATION")),
    ],
)
def test_a_malformed_checksum_is_refused(
    client: TestClient, checksum: str, expected: tuple[int, str]
) -> None:
    path = create(client, 4)
    assert problem(send(client, path, 0, b"abcd", **{"Upload-Checksum": checksum})) == expected


def test_one_request_at_a_time_sends_bytes(client: TestClient, storage: LocalStorage) -> None:
    path = create(client, 4)
    key = f"uploads/{path.removeprefix('/uploads/')}"
    with storage.path(key).open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert problem(send(client, path, 0, b"abcd")) == (423, "UPLOAD_LOCKED")
        assert offset_of(client, path) == 0
    assert send(client, path, 0, b"abcd").status_code == 204


def test_bytes_that_a_crash_left_beyond_the_offset_are_replaced(
    client: TestClient, storage: LocalStorage
) -> None:
    path = create(client, 6)
    send(client, path, 0, b"abc")
    storage.path(f"uploads/{path.removeprefix('/uploads/')}").write_bytes(b"abcXYZZZZ")
    assert offset_of(client, path) == 3
    assert send(client, path, 3, b"d").status_code == 204
    assert file_of(storage, path) == b"abcd"


@pytest.mark.parametrize("loss", ["deleted", "shorter"])
def test_lost_bytes_are_told(client: TestClient, storage: LocalStorage, loss: str) -> None:
    path = create(client, 6)
    send(client, path, 0, b"abc")
    file = storage.path(f"uploads/{path.removeprefix('/uploads/')}")
    if loss == "deleted":
        file.unlink()
    else:
        file.write_bytes(b"ab")
    assert problem(send(client, path, 3, b"def")) == (410, "UPLOAD_GONE")


def test_a_full_disk_is_told_and_the_upload_continues_later(
    client: TestClient, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = create(client, 6)
    send(client, path, 0, b"abc")
    original = os.pwrite

    def full(file: int, piece: Any, position: int) -> int:
        if position > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(file, piece[:1], position)

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        assert problem(send(client, path, 3, b"def")) == (507, "STORAGE_FULL")
    assert (offset_of(client, path), file_of(storage, path)) == (3, b"abc")
    assert send(client, path, 3, b"def").status_code == 204
    assert file_of(storage, path) == b"abcdef"


def test_an_expired_upload_is_gone(client: TestClient, database: Database) -> None:
    path = create(client, 4)
    with database.transaction() as session:
        session.scalars(select(ResumableUpload)).one().expires_at = now() - timedelta(seconds=1)
    assert client.head(path, headers=TUS).status_code == 410
    assert problem(send(client, path, 0, b"abcd")) == (410, "UPLOAD_GONE")
    upload_id = path.removeprefix("/uploads/")
    used = client.post("/datasets", json={"upload_id": upload_id})
    assert problem(used) == (410, "UPLOAD_GONE")


def test_an_upload_is_deleted(client: TestClient, storage: LocalStorage) -> None:
    path = create(client, 4)
    assert client.delete(path, headers=TUS).status_code == 204
    assert list(storage.list_keys()) == []
    assert problem(client.delete(path, headers=TUS)) == (404, "NOT_FOUND")
    assert client.head(path, headers=TUS).status_code == 404


def test_a_dataset_is_created_from_an_upload(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    upload_id = finish(client, **{"Upload-Metadata": f"filename {encode('Ants & Bees.zip')}"})
    body = {"upload_id": upload_id, "val_fraction": 0.3, "metadata": {"team": "ants"}}
    answer = client.post("/datasets", json=body)
    assert answer.status_code == 202, answer.text
    dataset = answer.json()
    assert answer.headers["location"] == f"/datasets/{dataset['id']}"
    assert (dataset["name"], dataset["val_fraction"]) == ("ants-bees", 0.3)
    assert (dataset["num_bytes"], dataset["metadata"]) == (len(PHOTOGRAPHS), {"team": "ants"})
    check_upload(dataset["id"], database, storage)
    assert client.get(f"/datasets/{dataset['id']}").json()["class_names"] == ["ants", "bees"]


def test_an_upload_is_used_once(client: TestClient, storage: LocalStorage) -> None:
    upload_id = finish(client)
    first = client.post("/datasets", json={"upload_id": upload_id, "name": "one"})
    again = client.post("/datasets", json={"upload_id": upload_id, "name": "two"})
    assert problem(again) == (409, "UPLOAD_USED")
    assert first.json()["id"] in again.json()["detail"]
    path = f"/uploads/{upload_id}"
    assert problem(client.delete(path, headers=TUS)) == (409, "UPLOAD_USED")
    assert problem(send(client, path, len(PHOTOGRAPHS), b"")) == (409, "UPLOAD_USED")
    assert list_ids(client) == [first.json()["id"]]
    assert file_of(storage, path) == PHOTOGRAPHS


def test_a_repeated_request_with_its_key_gets_the_same_dataset(client: TestClient) -> None:
    body, key = {"upload_id": finish(client)}, {"Idempotency-Key": "one"}
    first = client.post("/datasets", json=body, headers=key)
    again = client.post("/datasets", json=body, headers=key)
    assert (again.status_code, again.json()) == (202, first.json())


def test_an_unfinished_upload_cannot_be_used(client: TestClient, database: Database) -> None:
    path = create(client)
    send(client, path, 0, PHOTOGRAPHS[:100])
    upload_id = path.removeprefix("/uploads/")
    answer = client.post("/datasets", json={"upload_id": upload_id})
    assert problem(answer) == (409, "UPLOAD_UNFINISHED")
    assert f"100 of {len(PHOTOGRAPHS)}" in answer.json()["detail"]
    assert send(client, path, 100, PHOTOGRAPHS[100:]).status_code == 204
    assert client.post("/datasets", json={"upload_id": upload_id}).status_code == 202
    with database.reading() as session:
        assert len(session.scalars(select(Dataset)).all()) == 1


@pytest.mark.parametrize(
    ("content", "code"), [(b"GIF89a" + bytes(1000), "ARCHIVE_INVALID"), (b"", "ARCHIVE_INVALID")]
)
def test_an_upload_that_is_no_archive_is_refused(
    client: TestClient, content: bytes, code: str
) -> None:
    upload_id = finish(client, content)
    answer = client.post("/datasets", json={"upload_id": upload_id})
    assert problem(answer) == (422, code)
    assert list_ids(client) == []
    assert client.delete(f"/uploads/{upload_id}", headers=TUS).status_code == 204


@pytest.mark.parametrize(
    "body",
    [{}, {"upload_id": 7}, {"upload_id": "x", "colour": "red"}, {"upload_id": "x", "name": "A B"}],
)
def test_a_wrong_request_for_a_dataset_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    assert problem(client.post("/datasets", json=body)) == (422, "VALIDATION")


def test_an_unknown_upload_is_not_found(client: TestClient) -> None:
    answer = client.post("/datasets", json={"upload_id": UNKNOWN})
    assert problem(answer) == (404, "NOT_FOUND")


def test_a_batch_is_created_from_an_upload(
    client: TestClient, settings: Settings, storage: LocalStorage, database: Database
) -> None:
    upload_id = finish(client, make_archive({"1.png": encode_image(draw_picture(seed=1))}))
    body = {"upload_id": upload_id}
    assert problem(client.post("/predictions", json=body)) == (409, "MODEL_NOT_READY")
    register_model(database, storage)
    for wrong in ({}, body | {"dataset_id": "ds_1"}, body | {"split": "val"}):
        assert problem(client.post("/predictions", json=wrong)) == (422, "VALIDATION")
    answer = client.post("/predictions", json=body)
    assert answer.status_code == 202, answer.text
    assert problem(client.post("/predictions", json=body)) == (409, "UPLOAD_USED")
    run_next_batch(database, settings, storage)
    batch = client.get(answer.headers["location"]).json()
    assert (batch["status"], batch["counts"]["images"]) == ("succeeded", 1)
