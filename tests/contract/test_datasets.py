"""The routes of datasets, in the test's process; the check of an upload is run by the tests."""

import errno
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO, cast

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import select

from app.datasets import service
from app.db.base import now
from app.db.session import Database
from app.db.tables import Dataset, Job, WorkItem
from app.settings import Settings
from app.storage import LocalStorage
from tests.unit.datasets.archives import ENCRYPTED, ZipEntry, zip_of
from worker.ingestion.config import IngestionConfig
from worker.ingestion.ingest import ingest

FIELDS = {
    *("id", "name", "status", "error", "class_names", "splits", "progress", "report", "digest"),
    *("num_bytes", "val_fraction", "split_seed", "metadata", "created_at"),
}


def photographs() -> bytes:
    """Ten pictures of ants and six of bees, in class folders, and a text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("insects/README.txt", "read me")
        for name, count, hue in (("ants", 10, 0), ("bees", 6, 128)):
            for number in range(count):
                picture = io.BytesIO()
                color = (hue + number, 10, 200 - hue)
                Image.new("RGB", (300, 200), color).save(picture, "PNG")
                archive.writestr(f"insects/{name}/{number}.png", picture.getvalue())
    return buffer.getvalue()


PHOTOGRAPHS = photographs()


def upload(
    client: TestClient,
    content: bytes = PHOTOGRAPHS,
    /,
    *,
    filename: str = "Ants & Bees.zip",
    key: str | None = None,
    **fields: str,
) -> Any:
    return client.post(
        "/datasets",
        files={"file": (filename, content)},
        data=fields,
        headers={"Idempotency-Key": key} if key else {},
    )


def check_upload(dataset_id: str, database: Database, storage: LocalStorage) -> None:
    """What a worker does with an upload."""
    with database.reading() as session:
        row = service.get_dataset(session, dataset_id)
    settings = Settings()
    config = IngestionConfig(
        dataset_id=dataset_id,
        upload_key=row.upload_key,
        key_prefix=f"datasets/{dataset_id}/1",
        storage_dir=storage.root,
        val_fraction=row.val_fraction,
        split_seed=row.split_seed,
        max_unpacked_bytes=settings.max_unpacked_bytes,
        max_archive_files=settings.max_archive_files,
        max_bad_image_fraction=settings.max_bad_image_fraction,
        max_image_bytes=settings.max_image_bytes,
        max_image_pixels=settings.max_image_pixels,
    )
    with database.transaction() as session:
        service.begin_ingestion(session, dataset_id)

    def on_progress(stage: str, done: int, total: int) -> None:
        with database.transaction() as session:
            service.record_progress(session, dataset_id, stage, done, total)

    result = ingest(config, storage, on_progress)
    with database.transaction() as session:
        service.accept_dataset(
            session,
            dataset_id,
            manifest_key=result.manifest_key,
            manifest_path=storage.path(result.manifest_key),
            digest=result.digest,
            class_names=result.class_names,
            splits=result.splits,
            report=result.report,
        )


@pytest.fixture
def ready(client: TestClient, database: Database, storage: LocalStorage) -> str:
    """The id of a dataset that has been checked."""
    dataset_id = str(upload(client).json()["id"])
    check_upload(dataset_id, database, storage)
    return dataset_id


def add_job(database: Database, dataset_id: str, *, finished: bool) -> None:
    with database.transaction() as session:
        session.add(
            Job(
                id="job_1",
                dataset_id=dataset_id,
                status="succeeded" if finished else "running",
                config={},
                progress={},
                attempts=1,
                resume_epoch=0,
                model_name="ants",
                event_number=0,
                labels={},
                finished_at=now() if finished else None,
            )
        )


def list_ids(client: TestClient) -> list[str]:
    return [item["id"] for item in client.get("/datasets").json()["data"]]


def problem(response: Any) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def test_an_upload_is_stored_and_queued_for_its_check(
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


def test_fields_may_stand_before_the_file_and_be_empty(client: TestClient) -> None:
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
def test_the_name_is_made_from_the_files(client: TestClient, filename: str, name: str) -> None:
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
def test_a_wrong_field_is_named_and_leaves_nothing(
    client: TestClient, storage: LocalStorage, field: str, text: str
) -> None:
    response = upload(client, **{field: text})
    assert problem(response) == (422, "VALIDATION")
    assert response.json()["errors"][0]["loc"][:2] == ["body", field]
    assert list_ids(client) == []
    assert list(storage.list_keys()) == []


def test_a_missing_and_a_second_file_are_refused(client: TestClient, storage: LocalStorage) -> None:
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
def test_what_the_first_bytes_show_is_refused_at_once(
    client: TestClient, storage: LocalStorage, content: bytes, code: str
) -> None:
    assert problem(upload(client, content)) == (422, code)
    assert list_ids(client) == []
    assert list(storage.list_keys()) == []


def test_a_body_that_ends_early_leaves_nothing(client: TestClient, storage: LocalStorage) -> None:
    request = client.build_request("POST", "/datasets", files={"file": ("a.zip", PHOTOGRAPHS)})
    cut = client.post(
        "/datasets",
        content=request.read()[:-100],
        headers={"content-type": request.headers["content-type"]},
    )
    assert problem(cut) == (400, "BODY_INCOMPLETE")
    assert list_ids(client) == []
    assert list(storage.list_keys()) == []


def test_another_kind_of_body_is_refused(client: TestClient) -> None:
    response = client.post(
        "/datasets", content=PHOTOGRAPHS, headers={"content-type": "application/zip"}
    )
    assert problem(response) == (422, "VALIDATION")
    assert response.json()["errors"][0]["allowed"] == ["multipart/form-data"]


class FullDisk(LocalStorage):
    """A disk on which nothing more fits."""

    @contextmanager
    def new_file(self, key: str) -> Iterator[BinaryIO]:
        with super().new_file(key) as file:
            file.write(b"some")
            yield cast("BinaryIO", self)

    def write(self, _content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_and_leaves_nothing(client: TestClient, storage: LocalStorage) -> None:
    state = cast("Any", client.app).state
    state.services = replace(state.services, storage=FullDisk(storage.root))
    assert problem(upload(client)) == (507, "STORAGE_FULL")
    assert list_ids(client) == []
    assert [path for path in storage.root.rglob("*") if path.is_file()] == []


def test_the_same_key_and_upload_give_the_same_answer(
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


def test_datasets_are_listed_newest_first_in_pages(client: TestClient) -> None:
    ids = [upload(client).json()["id"] for _ in range(3)][::-1]
    first = client.get("/datasets", params={"limit": 2}).json()
    assert [item["id"] for item in first["data"]] == ids[:2]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (ids[0], ids[1], True)
    second = client.get("/datasets", params={"limit": 2, "after": ids[1]}).json()
    assert [item["id"] for item in second["data"]] == ids[2:]
    assert second["has_more"] is False


@pytest.mark.parametrize("path", ["", "/images", "/images/1", "/preview.png"])
def test_an_unknown_dataset_is_not_found(client: TestClient, path: str) -> None:
    assert problem(client.get(f"/datasets/ds_unknown{path}")) == (404, "NOT_FOUND")


def test_a_checked_dataset_shows_what_is_in_it(client: TestClient, ready: str) -> None:
    body = client.get(f"/datasets/{ready}").json()
    assert body.keys() == FIELDS
    assert body["status"] == "ready"
    assert body["class_names"] == ["ants", "bees"]
    assert body["splits"] == {
        "train": {"num_images": 13, "per_class": {"ants": 8, "bees": 5}},
        "val": {"num_images": 3, "per_class": {"ants": 2, "bees": 1}},
    }
    assert body["report"]["ignored"] == [
        {"path": "insects/README.txt", "reason": "not an image type that is read here (.txt)"}
    ]
    assert body["progress"]["stage"] == "done"
    assert len(body["digest"]) == 64


def test_a_refused_dataset_says_why(client: TestClient, database: Database) -> None:
    dataset_id = upload(client).json()["id"]
    with database.transaction() as session:
        service.reject_dataset(session, dataset_id, "ARCHIVE_DUPLICATE", "two of them")
    body = client.get(f"/datasets/{dataset_id}").json()
    assert body["status"] == "invalid"
    assert body["error"] == {"code": "ARCHIVE_DUPLICATE", "message": "two of them"}
    preview = client.get(f"/datasets/{dataset_id}/preview.png")
    assert problem(preview) == (409, "DATASET_INVALID")


def list_images(client: TestClient, dataset_id: str, **params: Any) -> dict[str, Any]:
    response = client.get(f"/datasets/{dataset_id}/images", params=params)
    assert response.status_code == 200
    return cast("dict[str, Any]", response.json())


def test_images_are_listed_in_pages(client: TestClient, ready: str) -> None:
    first = list_images(client, ready, limit=10)
    second = list_images(client, ready, limit=10, after=first["last_id"])
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert [image["id"] for image in first["data"] + second["data"]] == list(range(1, 17))
    image = first["data"][0]
    assert image["path"].startswith("insects/ants/")
    assert (image["split"], image["class_name"]) == ("train", "ants")
    assert (image["width"], image["height"]) == (300, 200)


def test_images_are_filtered_by_split_and_class(client: TestClient, ready: str) -> None:
    chosen = list_images(client, ready, split="val", **{"class": "ants"})
    assert len(chosen["data"]) == 2
    assert {(image["split"], image["class_name"]) for image in chosen["data"]} == {("val", "ants")}
    assert len(list_images(client, ready, split="val")["data"]) == 3
    assert list_images(client, ready, **{"class": "wasps"})["data"] == []


def test_no_image_is_listed_before_the_check_is_over(client: TestClient) -> None:
    assert list_images(client, upload(client).json()["id"])["data"] == []


def test_a_class_name_with_nul_is_refused(client: TestClient, ready: str) -> None:
    response = client.get(f"/datasets/{ready}/images", params={"class": "a\0"})
    assert problem(response) == (422, "VALIDATION")


def test_an_image_is_given_back_as_it_was_uploaded(client: TestClient, ready: str) -> None:
    image = list_images(client, ready)["data"][0]
    response = client.get(f"/datasets/{ready}/images/{image['id']}")
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    with zipfile.ZipFile(io.BytesIO(PHOTOGRAPHS)) as archive:
        assert response.content == archive.read(image["path"])
    assert problem(client.get(f"/datasets/{ready}/images/17")) == (404, "NOT_FOUND")


def test_a_thumbnail_is_a_smaller_jpeg(client: TestClient, ready: str) -> None:
    response = client.get(f"/datasets/{ready}/images/1", params={"size": 60})
    assert response.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(response.content)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("JPEG", (60, 40))


@pytest.mark.parametrize("size", [15, 1025])
def test_a_thumbnail_has_bounds(client: TestClient, ready: str, size: int) -> None:
    response = client.get(f"/datasets/{ready}/images/1", params={"size": size})
    assert problem(response) == (422, "VALIDATION")


def preview(client: TestClient, dataset_id: str, **params: str | int) -> bytes:
    response = client.get(f"/datasets/{dataset_id}/preview.png", params=params)
    assert response.headers["content-type"] == "image/png"
    return bytes(response.content)


def test_a_preview_is_a_picture_drawn_by_its_seed(client: TestClient, ready: str) -> None:
    drawn = preview(client, ready)
    with Image.open(io.BytesIO(drawn)) as picture:
        assert picture.format == "PNG"
        assert picture.width > 300
    assert preview(client, ready, seed=0) == drawn
    assert preview(client, ready, num_images=4, seed=1) != preview(client, ready, num_images=4)
    assert preview(client, ready, split="val", num_images=1) != drawn


def test_a_preview_needs_a_checked_dataset_and_a_split_it_has(
    client: TestClient, ready: str
) -> None:
    unchecked = upload(client).json()["id"]
    assert problem(client.get(f"/datasets/{unchecked}/preview.png")) == (409, "CONFLICT")
    response = client.get(f"/datasets/{ready}/preview.png", params={"split": "test"})
    assert problem(response) == (422, "VALIDATION")
    assert response.json()["errors"][0]["allowed"] == ["train", "val"]
    response = client.get(f"/datasets/{ready}/preview.png", params={"num_images": 65})
    assert problem(response) == (422, "VALIDATION")


def test_a_deleted_dataset_is_gone(client: TestClient, storage: LocalStorage, ready: str) -> None:
    assert client.delete(f"/datasets/{ready}").status_code == 204
    for path in ("", "/images", "/images/1"):
        assert problem(client.get(f"/datasets/{ready}{path}")) == (404, "NOT_FOUND")
    assert problem(client.delete(f"/datasets/{ready}")) == (404, "NOT_FOUND")
    assert {key.partition("/")[0] for key in storage.list_keys()} == {"images"}


def test_a_dataset_is_kept_while_an_unfinished_job_uses_it(
    client: TestClient, database: Database, ready: str
) -> None:
    add_job(database, ready, finished=False)
    assert problem(client.delete(f"/datasets/{ready}")) == (409, "IN_USE")
    assert client.get(f"/datasets/{ready}/images/1").status_code == 200


def test_a_finished_job_outlives_its_dataset(
    client: TestClient, database: Database, ready: str
) -> None:
    add_job(database, ready, finished=True)
    assert client.delete(f"/datasets/{ready}").status_code == 204
    with database.reading() as session:
        assert session.get_one(Job, "job_1").dataset_id == ready


def test_deleting_takes_the_check_back(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    dataset_id = upload(client).json()["id"]
    assert client.delete(f"/datasets/{dataset_id}").status_code == 204
    with database.reading() as session:
        assert session.scalars(select(WorkItem)).one().status == "done"
    assert list(storage.list_keys()) == []


def test_the_document_shows_a_file_chooser(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/datasets"]["post"]
    schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["properties"]["file"]["format"] == "binary"
    assert schema["required"] == ["file"]
    assert schema["properties"].keys() == {
        *("file", "name", "val_fraction", "split_seed", "metadata")
    }
    assert {"202", "400", "409", "413", "422", "507"} <= operation["responses"].keys()
