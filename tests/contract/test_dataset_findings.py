"""The images that a dataset's report names: filters of the list, and pairs."""

import io
import zipfile
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from app.datasets import service
from app.db.session import Database
from app.storage import LocalStorage
from tests.contract.datasets import check_upload, problem, upload
from tests.images import draw_picture, encode
from tests.reports import suspect

DUPLICATE, LEAKED, NEAR, PLAIN = (draw_picture(seed=seed) for seed in range(4))
FILES = {
    "train/ants/a_copy.png": DUPLICATE,
    "train/ants/A%copy.png": DUPLICATE,
    "train/ants/leaked.png": LEAKED,
    "train/bees/near.png": NEAR,
    "train/bees/other.png": draw_picture(seed=5),
    "val/ants/leaked.png": LEAKED,
    "val/ants/plain.png": PLAIN,
    "val/bees/near-small.png": NEAR.resize(
        (NEAR.width // 2, NEAR.height // 2), Image.Resampling.BOX
    ),
}


@pytest.fixture
def dataset(client: TestClient, database: Database, storage: LocalStorage) -> str:
    """A dataset with one pair of each kind, in which image 3 has a suspect label."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, picture in FILES.items():
            archive.writestr(path, encode(picture))
    dataset_id = str(upload(client, buffer.getvalue()).json()["id"])
    check_upload(dataset_id, database, storage)
    label_error = suspect(3).model_copy(update={"path": "train/ants/leaked.png"})
    with database.transaction() as session:
        row = service.get_dataset(session, dataset_id, lock=True)
        service.record_label_errors(row, [label_error], num_label_errors=1, job_id="job_1")
    return dataset_id


def list_paths(client: TestClient, dataset_id: str, **params: Any) -> list[str]:
    response = client.get(f"/datasets/{dataset_id}/images", params=params)
    assert response.status_code == 200, response.text
    return [image["path"] for image in response.json()["data"]]


def test_images_have_the_findings_of_the_report(client: TestClient, dataset: str) -> None:
    images = client.get(f"/datasets/{dataset}/images").json()["data"]
    assert {image["path"]: image["findings"] for image in images} == {
        "train/ants/a_copy.png": ["duplicate"],
        "train/ants/A%copy.png": ["duplicate"],
        "train/ants/leaked.png": ["leaked", "suspect_label"],
        "train/bees/near.png": ["near_leaked"],
        "train/bees/other.png": [],
        "val/ants/leaked.png": ["leaked"],
        "val/ants/plain.png": [],
        "val/bees/near-small.png": ["near_leaked"],
    }


def test_images_are_filtered_by_finding(client: TestClient, dataset: str) -> None:
    leaked = ["train/ants/leaked.png", "val/ants/leaked.png"]
    assert list_paths(client, dataset, finding="leaked") == leaked
    assert list_paths(client, dataset, finding="leaked", split="val") == leaked[1:]
    assert list_paths(client, dataset, finding="suspect_label") == leaked[:1]
    assert list_paths(client, dataset, finding="leaked", limit=1) == leaked[:1]
    response = client.get(f"/datasets/{dataset}/images", params={"finding": "lost"})
    assert problem(response) == (422, "VALIDATION")
    assert "near_leaked" in response.json()["errors"][0]["allowed"]


def test_no_image_has_a_finding_that_the_report_lacks(client: TestClient, ready: str) -> None:
    assert list_paths(client, ready, finding="duplicate") == []


def test_images_are_searched_by_path(client: TestClient, dataset: str) -> None:
    near = ["train/bees/near.png", "val/bees/near-small.png"]
    assert list_paths(client, dataset, q="NEAR") == near
    assert list_paths(client, dataset, q="near", split="val") == near[1:]
    assert list_paths(client, dataset, q="A%copy") == ["train/ants/A%copy.png"]  # no wildcard
    assert list_paths(client, dataset, q="a_c") == ["train/ants/a_copy.png"]
    assert problem(client.get(f"/datasets/{dataset}/images", params={"q": ""})) == (
        422,
        "VALIDATION",
    )


@pytest.mark.parametrize(
    ("kind", "pair"),
    [
        ("duplicates", ("train/ants/A%copy.png", "train/ants/a_copy.png")),
        ("leaked", ("train/ants/leaked.png", "val/ants/leaked.png")),
        ("near_leaked", ("train/bees/near.png", "val/bees/near-small.png")),
    ],
)
def test_pairs_have_both_images(
    client: TestClient, dataset: str, kind: str, pair: tuple[str, str]
) -> None:
    page = client.get(f"/datasets/{dataset}/pairs", params={"kind": kind}).json()
    (only,) = page["data"]
    assert (only["id"], page["last_id"], page["has_more"]) == (1, "1", False)
    assert (only["first"]["path"], only["second"]["path"]) == pair
    for side in ("first", "second"):
        image = client.get(f"/datasets/{dataset}/images/{only[side]['id']}")
        assert image.content == encode(FILES[only[side]["path"]])
        assert {"duplicates": "duplicate"}.get(kind, kind) in only[side]["findings"]


def test_pairs_come_in_pages(client: TestClient, database: Database, storage: LocalStorage) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(4):
            archive.writestr(f"train/ants/{number}.png", encode(PLAIN))
        archive.writestr("train/bees/1.png", encode(NEAR))
        archive.writestr("val/ants/1.png", encode(LEAKED))
        archive.writestr("val/bees/1.png", encode(draw_picture(seed=7)))
    dataset_id = upload(client, buffer.getvalue()).json()["id"]
    path = f"/datasets/{dataset_id}/pairs?kind=duplicates&limit=2"
    assert client.get(path).json()["data"] == []  # not ready
    check_upload(dataset_id, database, storage)
    first = client.get(path).json()
    assert ([pair["id"] for pair in first["data"]], first["has_more"]) == ([1, 2], True)
    second = client.get(f"{path}&after={first['last_id']}").json()
    assert ([pair["id"] for pair in second["data"]], second["has_more"]) == ([3], False)
    pairs = [pair["second"]["path"] for pair in first["data"] + second["data"]]
    assert pairs == ["train/ants/1.png", "train/ants/2.png", "train/ants/3.png"]
    assert {pair["first"]["path"] for pair in first["data"]} == {"train/ants/0.png"}
    assert client.get(f"{path}&after=9").json()["data"] == []


def test_pairs_need_a_dataset_and_a_kind(client: TestClient, dataset: str) -> None:
    assert problem(client.get("/datasets/ds_unknown/pairs?kind=leaked")) == (404, "NOT_FOUND")
    assert problem(client.get(f"/datasets/{dataset}/pairs")) == (422, "VALIDATION")
