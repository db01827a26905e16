"""The dataset routes after an upload."""

import io
import zipfile
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import select

from app.datasets import service
from app.db.session import Database
from app.db.tables import Job, WorkItem
from app.storage import LocalStorage
from tests.contract.datasets import FIELDS, PHOTOGRAPHS, add_job, check_upload, problem, upload


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


def test_a_ready_dataset_has_classes_counts_and_report(client: TestClient, ready: str) -> None:
    body = client.get(f"/datasets/{ready}").json()
    assert body.keys() == FIELDS
    assert body["status"] == "ready"
    assert body["class_names"] == ["ants", "bees"]
    assert body["splits"] == {
        "train": {"num_images": 13, "per_class": {"ants": 8, "bees": 5}},
        "val": {"num_images": 3, "per_class": {"ants": 2, "bees": 1}},
    }
    assert body["report"]["ignored"] == [
        {"path": "insects/README.txt", "reason": "not a supported image type (.txt)"}
    ]
    assert body["progress"]["stage"] == "done"
    assert len(body["digest"]) == 64


def test_an_invalid_dataset_has_an_error(client: TestClient, database: Database) -> None:
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


def test_no_image_is_listed_before_the_dataset_is_ready(client: TestClient) -> None:
    assert list_images(client, upload(client).json()["id"])["data"] == []


def test_a_class_name_with_nul_is_rejected(client: TestClient, ready: str) -> None:
    response = client.get(f"/datasets/{ready}/images", params={"class": "a\0"})
    assert problem(response) == (422, "VALIDATION")


def test_an_image_is_returned_as_it_was_uploaded(client: TestClient, ready: str) -> None:
    image = list_images(client, ready)["data"][0]
    response = client.get(f"/datasets/{ready}/images/{image['id']}")
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"
    with zipfile.ZipFile(io.BytesIO(PHOTOGRAPHS)) as archive:
        assert response.content == archive.read(image["path"])
    assert problem(client.get(f"/datasets/{ready}/images/17")) == (404, "NOT_FOUND")


def preview(client: TestClient, dataset_id: str, **params: str | int) -> bytes:
    response = client.get(f"/datasets/{dataset_id}/preview.png", params=params)
    assert response.headers["content-type"] == "image/png"
    return bytes(response.content)


def test_a_preview_is_an_image_that_depends_on_its_seed(client: TestClient, ready: str) -> None:
    drawn = preview(client, ready)
    with Image.open(io.BytesIO(drawn)) as image:
        assert image.format == "PNG"
        assert image.width > 300
    assert preview(client, ready, seed=0) == drawn
    assert preview(client, ready, num_images=4, seed=1) != preview(client, ready, num_images=4)
    assert preview(client, ready, split="val", num_images=1) != drawn


def test_a_preview_needs_a_ready_dataset_and_an_existing_split(
    client: TestClient, ready: str
) -> None:
    not_ready = upload(client).json()["id"]
    assert problem(client.get(f"/datasets/{not_ready}/preview.png")) == (409, "CONFLICT")
    response = client.get(f"/datasets/{ready}/preview.png", params={"split": "test"})
    assert problem(response) == (422, "VALIDATION")
    assert response.json()["errors"][0]["allowed"] == ["train", "val"]
    response = client.get(f"/datasets/{ready}/preview.png", params={"num_images": 65})
    assert problem(response) == (422, "VALIDATION")


def test_class_names_with_spaces_work(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    names = ["honey bees", "red  ants (große)", " wasps & co."]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for hue, name in enumerate(names):
            for number in range(3):
                file = io.BytesIO()
                Image.new("RGB", (20, 20), (80 * hue, 10 * number, 0)).save(file, "PNG")
                archive.writestr(f"my photos/{name}/image {number}.png", file.getvalue())
    dataset_id = upload(client, buffer.getvalue()).json()["id"]
    check_upload(dataset_id, database, storage)
    body = client.get(f"/datasets/{dataset_id}").json()
    assert body["class_names"] == sorted(names)
    assert body["splits"]["val"]["per_class"] == dict.fromkeys(names, 1)
    for name in names:
        images = list_images(client, dataset_id, **{"class": name})["data"]
        assert {image["class_name"] for image in images} == {name}
        assert len(images) == 3
    assert client.get(f"/datasets/{dataset_id}/preview.png").status_code == 200


def test_a_deleted_dataset_is_gone(client: TestClient, storage: LocalStorage, ready: str) -> None:
    assert client.delete(f"/datasets/{ready}").status_code == 204
    for path in ("", "/images", "/images/1"):
        assert problem(client.get(f"/datasets/{ready}{path}")) == (404, "NOT_FOUND")
    assert problem(client.delete(f"/datasets/{ready}")) == (404, "NOT_FOUND")
    assert {key.partition("/")[0] for key in storage.list_keys()} == {"images"}


def test_a_dataset_in_use_by_an_unfinished_job_cannot_be_deleted(
    client: TestClient, database: Database, ready: str
) -> None:
    add_job(database, ready, finished=False)
    assert problem(client.delete(f"/datasets/{ready}")) == (409, "IN_USE")
    assert client.get(f"/datasets/{ready}/images/1").status_code == 200


def test_a_finished_job_stays_when_its_dataset_is_deleted(
    client: TestClient, database: Database, ready: str
) -> None:
    add_job(database, ready, finished=True)
    assert client.delete(f"/datasets/{ready}").status_code == 204
    with database.reading() as session:
        assert session.get_one(Job, "job_1").dataset_id == ready


def test_deleting_a_dataset_cancels_its_ingestion(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    dataset_id = upload(client).json()["id"]
    assert client.delete(f"/datasets/{dataset_id}").status_code == 204
    with database.reading() as session:
        assert session.scalars(select(WorkItem)).one().status == "done"
    assert list(storage.list_keys()) == []


def test_openapi_describes_the_upload_form(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/datasets"]["post"]
    schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["properties"]["file"]["format"] == "binary"
    assert schema["required"] == ["file"]
    assert schema["properties"].keys() == {
        *("file", "name", "val_fraction", "split_seed", "metadata")
    }
    assert {"202", "400", "409", "413", "422", "507"} <= operation["responses"].keys()
