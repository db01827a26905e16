"""POST /datasets: uploads and their errors."""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO, cast

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.db.session import Database
from app.db.tables import Dataset, WorkItem
from app.storage import LocalStorage
from tests.contract.datasets import (
    FIELDS,
    PHOTOGRAPHS,
    list_ids,
    problem,
    upload,
)
from tests.unit.datasets.archives import ENCRYPTED, ZipEntry, zip_of


def test_an_upload_is_stored_and_its_ingestion_is_queued(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    response = upload(client, val_fraction="0.3", split_seed="7", metadata='{"team": "ants"}')
    assert response.status_code == 202
    body = response.json()
    assert response.headers["location"] == f"/datasets/{body['id']}"
    assert body.keys() == FIELDS
    assert body["name"] == "ants-bees"
    assert (body["status"], body["error"], body["digest"]) == ("ingesting", None, None)
    assert body["progress"] == {"stage": "queued", "done": 0, "total": 0}
    assert (body["val_fraction"], body["split_seed"]) == (0.3, 7)
    assert body["metadata"] == {"team": "ants"}
    assert body["num_bytes"] == len(PHOTOGRAPHS)
    assert client.get(response.headers["location"]).json() == body
    with database.reading() as session:
        item = session.scalars(select(WorkItem)).one()
        assert (item.queue, item.kind, item.subject_id) == ("cpu", "ingest", body["id"])
        key = session.get_one(Dataset, body["id"]).upload_key
    assert storage.path(key).read_bytes() == PHOTOGRAPHS


def test_fields_may_precede_the_file_and_be_empty(client: TestClient) -> None:
    files: list[tuple[str, tuple[str | None, str | bytes]]] = [
        ("name", (None, "my-ants")),
        ("val_fraction", (None, "")),
        ("file", ("x.zip", PHOTOGRAPHS)),
        ("metadata", (None, "")),
    ]
    body = client.post("/datasets", files=files).json()
    assert (body["name"], body["val_fraction"], body["metadata"]) == ("my-ants", 0.2, {})


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("Été 2024.tar.gz", "ete-2024"),
        ("C:\\data\\Bees.ZIP", "bees"),
        ("imagenet.zip", "dataset"),
        ("", "dataset"),
    ],
)
def test_the_default_name_comes_from_the_file_name(
    client: TestClient, filename: str, name: str
) -> None:
    assert upload(client, filename=filename).json()["name"] == name


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", "Ants and Bees"),
        ("name", "imagenet"),
        ("val_fraction", "0"),
        ("val_fraction", "0.95"),
        ("val_fraction", "nan"),
        ("val_fraction", "half"),
        ("split_seed", "-1"),
        ("split_seed", "4294967296"),
        ("metadata", "team=ants"),
        ("metadata", '["ants"]'),
        ("metadata", '{"team": 7}'),
        ("metadata", json.dumps({"team": "\0"})),
        ("metadata", json.dumps({f"key {number}": "" for number in range(17)})),
        ("colour", "red"),
    ],
)
def test_an_invalid_field_is_rejected_and_nothing_is_stored(
    client: TestClient, storage: LocalStorage, field: str, text: str
) -> None:
    response = upload(client, **{field: text})
    assert problem(response) == (422, "VALIDATION")
    assert response.json()["errors"][0]["loc"][:2] == ["body", field]
    assert list_ids(client) == []
    assert list(storage.list_keys()) == []


def test_a_missing_or_second_file_is_rejected(client: TestClient, storage: LocalStorage) -> None:
    missing = client.post("/datasets", files={"name": (None, "ants")})
    assert missing.json()["errors"][0]["loc"] == ["body", "file"]
    twice = client.post("/datasets", files=[("file", ("a.zip", PHOTOGRAPHS))] * 2)
    assert problem(twice) == (422, "VALIDATION")
    assert list(storage.list_keys()) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "ARCHIVE_INVALID"),
        (b"GIF89a" + bytes(1000), "ARCHIVE_INVALID"),
        (zip_of(ZipEntry(b"a", flags=ENCRYPTED)), "ARCHIVE_UNSUPPORTED"),
        (b"Rar!\x1a\x07\1\0" + bytes(1000), "ARCHIVE_UNSUPPORTED"),
    ],
)
def test_an_invalid_file_is_rejected_by_its_first_bytes(
    client: TestClient, storage: LocalStorage, content: bytes, code: str
) -> None:
    assert problem(upload(client, content)) == (422, code)
    assert list_ids(client) == []
    assert list(storage.list_keys()) == []


def test_nothing_is_stored_of_an_incomplete_body(client: TestClient, storage: LocalStorage) -> None:
    request = client.build_request("POST", "/datasets", files={"file": ("a.zip", PHOTOGRAPHS)})
    cut = client.post(
        "/datasets",
        content=request.read()[:-100],
        headers={"content-type": request.headers["content-type"]},
    )
    assert problem(cut) == (400, "BODY_INCOMPLETE")
    assert list_ids(client) == []
    assert list(storage.list_keys()) == []


def test_another_content_type_is_rejected(client: TestClient) -> None:
    response = client.post(
        "/datasets", content=PHOTOGRAPHS, headers={"content-type": "application/zip"}
    )
    assert problem(response) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert response.json()["errors"][0]["allowed"] == [
        "multipart/form-data",
        "application/json",
    ]


class FullDisk(LocalStorage):
    """A storage whose disk is full."""

    @contextmanager
    def new_file(self, key: str) -> Iterator[BinaryIO]:
        with super().new_file(key) as file:
            file.write(b"some")
            yield cast("BinaryIO", self)

    def write(self, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_an_error_and_nothing_is_stored(
    client: TestClient, storage: LocalStorage
) -> None:
    state = cast("Any", client.app).state
    state.services = replace(state.services, storage=FullDisk(storage.root))
    assert problem(upload(client)) == (507, "STORAGE_FULL")
    assert list_ids(client) == []
    assert [path for path in storage.root.rglob("*") if path.is_file()] == []


def test_the_same_key_and_upload_return_the_same_answer(
    client: TestClient, storage: LocalStorage
) -> None:
    first = upload(client, key="one", split_seed="3")
    again = upload(client, key="one", split_seed="3")
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert list_ids(client) == [first.json()["id"]]
    assert len(list(storage.list_keys())) == 1


@pytest.mark.parametrize("fields", [{"split_seed": "4"}, {"name": "other"}])
def test_the_same_key_for_another_upload_is_a_conflict(
    client: TestClient, storage: LocalStorage, fields: dict[str, str]
) -> None:
    upload(client, key="one")
    assert problem(upload(client, key="one", **fields)) == (409, "IDEMPOTENCY_CONFLICT")
    other = zip_of(ZipEntry(b"ants/1.jpg"))
    assert problem(upload(client, other, key="one")) == (409, "IDEMPOTENCY_CONFLICT")
    assert len(list(storage.list_keys())) == 1
