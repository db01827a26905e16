"""Requests while the disk is nearly full, and while it is full."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.settings import Settings
from app.space import Space
from app.storage import LocalStorage
from tests.contract.conftest import Backend
from tests.contract.datasets import PHOTOGRAPHS
from tests.disks import MIB, SmallDisk, mounting_small_disk
from tests.models import register_model

FLOOR_BYTES = 8 * MIB
NEED_NO_SPACE = {
    "/auth/logout",
    "/auth/session",
    "/jobs/{job_id}/cancel",
    "/jobs/{job_id}/stop",
    "/keys",
    "/models/{name}/aliases/{alias}/rollback",
    "/predict",
    "/predictions/{batch_id}/cancel",
    "/studies/{study_id}/cancel",
    "/v2/models/{name}/infer",
    "/v2/models/{name}/versions/{version}/infer",
}
"""POST routes that free space or store next to nothing, and so work on a full disk."""

VERSION = "/models/ants-and-bees/versions/1"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    with mounting_small_disk(tmp_path_factory.mktemp("small"), 48 * MIB) as disk:
        yield disk


@pytest.fixture
def data_dir(disk: SmallDisk) -> Iterator[Path]:
    yield disk.root / "graft"
    disk.free()


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "resnet18.safetensors").touch()
    return settings.model_copy(update={"storage_floor_bytes": FLOOR_BYTES, "weights_dir": tmp_path})


@pytest.fixture
def _in_the_data_folder(backend: Backend) -> None:
    if backend != "sqlite":
        pytest.skip("the database is not on the full disk")


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def list_writes(dataset: str) -> dict[str, dict[str, Any]]:
    """The requests that store something or queue work, by method and path."""
    scratch = {"weights": "none"}
    job = {"dataset_id": dataset} | scratch
    pair = [{"name": "short"}, {"name": "long", "epochs": 3}]
    return {
        "POST /datasets": {"files": {"file": ("a.zip", PHOTOGRAPHS)}},
        "POST /predictions": {"json": {"dataset_id": dataset, "model": "ants-and-bees"}},
        "POST /jobs": {"json": job},
        "POST /jobs/validate": {"json": job},
        "POST /studies": {"json": {"dataset_id": dataset, "base": scratch, "configurations": pair}},
        f"POST {VERSION}/evaluate": {"json": {"dataset_id": dataset}},
        f"POST {VERSION}/quantize": {"json": {"dataset_id": dataset}},
        f"GET {VERSION}/export": {"params": {"format": "safetensors"}},
        f"GET /datasets/{dataset}/advice": {},
    }


def test_below_the_floor_nothing_new_is_accepted_and_then_it_is(
    client: TestClient, disk: SmallDisk, ready: str, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage)
    disk.fill(leave=FLOOR_BYTES - MIB)
    before = list(storage.list_keys())
    for name, body in list_writes(ready).items():
        method, path = name.split()
        refused = client.request(method, path, **body)
        assert code_of(refused) == (507, "STORAGE_FULL"), f"{name}: {refused.text}"
        assert "GRAFT_STORAGE_FLOOR_BYTES" in refused.json()["detail"]
        assert str(disk.root) not in refused.text
    assert list(storage.list_keys()) == before
    assert client.get("/jobs").json()["data"] == []
    ready_status = client.get("/readyz")
    assert (ready_status.status_code, ready_status.json()["status"]) == (200, "degraded")
    assert "The storage has 7." in ready_status.json()["storage"]
    assert client.get("/service").json()["ready"]["storage"] == ready_status.json()["storage"]

    disk.free()
    assert client.get("/readyz").json()["storage"] == "ok"
    for name, body in list_writes(ready).items():
        method, path = name.split()
        assert client.request(method, path, **body).status_code != 507, name
    assert len(client.get("/jobs").json()["data"]) == 3


def test_below_the_floor_everything_that_frees_space_works(
    client: TestClient, disk: SmallDisk, ready: str, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage)
    job = client.post("/jobs", json={"dataset_id": ready, "weights": "none"}).json()["id"]
    disk.fill(leave=FLOOR_BYTES - MIB)
    assert client.put("/models/ants-and-bees/aliases/best", json={"version": 1}).status_code == 200
    assert client.post("/jobs/validate?dry_run=false", json={"dataset_id": ready}).is_success
    assert client.post(f"/jobs/{job}/cancel").status_code == 202
    assert code_of(client.post(f"/jobs/{job}/resume")) == (507, "STORAGE_FULL")
    assert client.delete(f"/jobs/{job}").status_code == 204
    assert client.delete(f"/datasets/{ready}").status_code == 204


def test_an_upload_is_refused_before_its_body_is_read(client: TestClient, disk: SmallDisk) -> None:
    disk.fill(leave=FLOOR_BYTES + 4 * MIB)

    def send() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    headers = {"content-type": "multipart/form-data; boundary=x", "content-length": str(5 * MIB)}
    refused = client.post("/datasets", content=send(), headers=headers)
    assert code_of(refused) == (507, "STORAGE_FULL")
    assert "5.24 MB are to be stored" in refused.json()["detail"]


def test_an_upload_of_unknown_length_stops_at_the_floor(
    client: TestClient, disk: SmallDisk, storage: LocalStorage
) -> None:
    disk.fill(leave=FLOOR_BYTES + 2 * MIB)
    start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nPK\3\4'

    def send() -> Iterator[bytes]:
        yield start
        for _ in range(4):
            yield bytes(MIB)

    headers = {"content-type": "multipart/form-data; boundary=x"}
    refused = client.post("/datasets", content=send(), headers=headers)
    assert code_of(refused) == (507, "STORAGE_FULL")
    assert disk.num_free_bytes > FLOOR_BYTES
    assert list(storage.list_keys()) == []


@pytest.mark.usefixtures("_in_the_data_folder")
def test_without_a_byte_the_database_says_so_and_deletes_by_its_reserve(
    client: TestClient, disk: SmallDisk, settings: Settings, ready: str
) -> None:
    """The reserve is that of the worker; without it, SQLite cannot even delete."""
    Space.of(settings).keep_reserve()
    reserve = settings.data_dir / "graft.db-reserve"
    assert reserve.stat().st_size == FLOOR_BYTES // 16
    disk.fill()
    assert client.get(f"/datasets/{ready}").status_code == 200
    assert client.delete(f"/datasets/{ready}").status_code == 204
    assert not reserve.exists()


@pytest.mark.usefixtures("_in_the_data_folder")
def test_a_full_database_is_not_taken_for_one_that_is_down(
    client: TestClient, disk: SmallDisk, ready: str
) -> None:
    disk.fill()
    refused = client.delete(f"/datasets/{ready}")
    assert code_of(refused) == (507, "STORAGE_FULL")
    assert "The database's disk is full" in refused.json()["detail"]
    disk.free()
    assert client.delete(f"/datasets/{ready}").status_code == 204


def test_every_post_route_refuses_or_needs_no_space(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    refusing = {
        path for path, item in paths.items() if "507" in item.get("post", {}).get("responses", {})
    }
    posts = {path for path, item in paths.items() if "post" in item}
    assert posts - refusing == NEED_NO_SPACE
