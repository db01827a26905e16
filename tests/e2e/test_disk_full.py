"""The data folder of a running service becomes full, and has space again."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.disks import MIB, SmallDisk, mounting_small_disk
from tests.e2e.conftest import SHORT_LEASES, Graft
from tests.servers import running_graft, wait_until
from tests.uploads import make_zip

NUM_EPOCHS = 120
FLOOR_BYTES = 16 * MIB


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    with mounting_small_disk(tmp_path_factory.mktemp("small"), 160 * MIB) as disk:
        yield disk


@pytest.fixture(autouse=True)
def _free_disk(disk: SmallDisk) -> Iterator[None]:
    yield
    disk.free()


@pytest.fixture(scope="module")
def full(disk: SmallDisk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graft]:
    """A service of its own, whose data folder is on the small disk."""
    settings: dict[str, Any] = SHORT_LEASES | {
        "data_dir": disk.root / "graft",
        "storage_floor_bytes": FLOOR_BYTES,
    }
    with running_graft(tmp_path_factory.mktemp("graft"), **settings) as running:
        graft = Graft(running)
        yield graft
        graft.http.close()


def read_stage(graft: Graft, dataset_id: str) -> str:
    return str(graft.get(f"/datasets/{dataset_id}")["progress"]["stage"])


def list_events(graft: Graft, job_id: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = graft.get(f"/jobs/{job_id}/events", limit=1000)["data"]
    return events


def test_a_job_waits_while_the_disk_is_full_and_goes_on(full: Graft, disk: SmallDisk) -> None:
    dataset = full.upload(make_zip(num_train=4, num_val=2), "small")
    full.wait_for(f"/datasets/{dataset}", "status", "ready")
    job = full.post_job(dataset_id=dataset, epochs=NUM_EPOCHS)
    wait_until(lambda: full.get(f"/jobs/{job}")["progress"]["epoch"] >= 1, "the job", seconds=120)

    disk.fill()
    waiting = full.wait_for(f"/jobs/{job}", "status", "queued", "failed", seconds=60)
    assert waiting["status"] == "queued"
    assert full.list_pids("graft worker.training") == []
    ready = full.get("/readyz")
    assert ready["status"] == "degraded"
    assert "free space" in ready["storage"]
    refused = full.http.post("/datasets", files={"file": ("a.zip", make_zip())})
    assert (refused.status_code, refused.json()["code"]) == (507, "STORAGE_FULL")
    refused = full.http.post("/jobs", json={"dataset_id": dataset})
    assert (refused.status_code, refused.json()["code"]) == (507, "STORAGE_FULL")

    disk.free()
    assert full.get("/readyz")["status"] == "ok"
    done = full.wait_for(f"/jobs/{job}", "status", "succeeded", "failed", seconds=240)
    assert (done["status"], done["attempts"]) == ("succeeded", 1)
    history = full.get(f"/jobs/{job}/history")["data"]
    assert [row["epoch"] for row in history] == list(range(1, NUM_EPOCHS + 1))
    requeued = [one for one in list_events(full, job) if one["type"] == "requeued"]
    assert {one["payload"]["reason"] for one in requeued} == {"STORAGE_FULL"}


def test_an_upload_waits_while_the_disk_is_full_and_goes_on(full: Graft, disk: SmallDisk) -> None:
    archive = make_zip(num_train=220, num_val=30, size=64)
    assert 1 * MIB < len(archive) < 2 * MIB, "its images do not fit beside it"
    disk.fill(leave=FLOOR_BYTES + 2 * MIB)
    dataset = full.upload(archive, "waits")
    wait_until(lambda: read_stage(full, dataset) == "waiting_for_space", "the dataset")
    disk.free()
    full.wait_for(f"/datasets/{dataset}", "status", "ready")


def test_without_a_byte_the_database_is_read_and_datasets_are_deleted(
    full: Graft, disk: SmallDisk
) -> None:
    dataset = full.upload(make_zip(), "small")
    full.wait_for(f"/datasets/{dataset}", "status", "ready")
    disk.fill()
    assert full.get(f"/datasets/{dataset}")["status"] == "ready"
    deleted = full.http.delete(f"/datasets/{dataset}")
    assert deleted.status_code == httpx.codes.NO_CONTENT
