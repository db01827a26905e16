"""The status of the service."""

from datetime import timedelta
from importlib.metadata import version
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database, read_clock
from app.db.worker_table import Worker
from app.main import create_app
from app.settings import Settings
from app.settings_text import mask_passwords
from app.storage import LocalStorage
from app.tasks import service as work
from app.tasks import workers
from app.tasks.workers import WorkerProcess
from tests.contract.conftest import Backend
from tests.contract.datasets import upload
from tests.servers import find_free_port


def read(client: TestClient) -> dict[str, Any]:
    answer = client.get("/service")
    assert answer.status_code == 200, answer.text
    status: dict[str, Any] = answer.json()
    return status


def announce(database: Database, name: str, owners: dict[str, str], *, seconds_ago: int) -> None:
    with database.transaction() as session:
        workers.announce(session, WorkerProcess(name, "gpu-1", 42, owners, "NVIDIA H100"))
        row = session.get_one(Worker, name)
        row.last_seen_at = read_clock(session) - timedelta(seconds=seconds_ago)


def test_versions_and_parts_are_described(client: TestClient, backend: Backend) -> None:
    status = read(client)
    assert status["version"] == client.app.version  # type: ignore[attr-defined]  # a FastAPI
    assert status["libraries"]["torch"] == version("torch")
    assert (status["database"], status["broker"]) == (backend, "ok")
    parts = {"broker": "ok", "model": "ok", "storage": "ok"}
    assert status["ready"] == {"status": "ok", "reason": None} | parts
    assert status["started_at"].endswith("Z")
    assert status["workers"] == []
    assert [queue["name"] for queue in status["queues"]] == ["cpu", "predict", "train"]
    storage = status["storage"]
    assert 0 <= storage["used_bytes"] < storage["total_bytes"]
    assert 0 < storage["free_bytes"] <= storage["total_bytes"]


def test_workers_show_what_they_work_on(client: TestClient, database: Database) -> None:
    dataset_id = upload(client).json()["id"]
    upload(client)
    with database.transaction() as session:
        assert work.claim(session, "cpu", "owner-1") is not None
    announce(database, "worker_1", {"cpu": "owner-1", "train": "owner-2"}, seconds_ago=5)
    announce(database, "worker_2", {"train": "owner-3"}, seconds_ago=31)
    announce(database, "worker_3", {"train": "owner-4"}, seconds_ago=3601)
    status = read(client)
    first, second = status["workers"]
    assert (first["id"], first["is_alive"]) == ("worker_1", True)
    assert (first["host"], first["pid"], first["device"]) == ("gpu-1", 42, "NVIDIA H100")
    assert first["queues"] == ["cpu", "train"]
    assert first["working_on"] == [{"kind": "ingest", "subject_id": dataset_id}]
    assert (second["id"], second["is_alive"], second["working_on"]) == ("worker_2", False, [])
    cpu, predict, train = status["queues"]
    assert cpu.pop("oldest_queued_seconds") > 0
    assert cpu == {"name": "cpu", "queued": 1, "running": 1, "num_workers": 1}
    assert (predict["num_workers"], predict["oldest_queued_seconds"]) == (0, None)
    assert train == {
        "name": "train",
        "queued": 0,
        "running": 0,
        "oldest_queued_seconds": None,
        "num_workers": 1,
    }


def test_settings_are_shown_without_passwords(
    settings: Settings, database: Database, storage: LocalStorage
) -> None:
    assert database.engine.url.database
    assert storage.root.is_dir()
    broker_url = f"redis://graft:s3cret@127.0.0.1:{find_free_port()}/0"
    changed = {"broker_url": broker_url, "otlp_endpoint": "", "port": 8123}
    with TestClient(create_app(settings.model_copy(update=changed), predicts=False)) as client:
        answer = client.get("/service")
    assert "s3cret" not in answer.text
    status = answer.json()
    assert status["ready"]["status"] == "unavailable"
    assert "being loaded" in status["ready"]["reason"]
    shown = {one["name"]: one for one in status["settings"]}
    assert shown["GRAFT_BROKER_URL"]["value"].startswith("redis://graft:***@127.0.0.1:")
    assert shown["GRAFT_PORT"] == {
        "name": "GRAFT_PORT",
        "value": 8123,
        "default": 8000,
        "description": "Port the API listens on; 0 picks one.",
    }
    assert shown["GRAFT_WEIGHTS_DOWNLOAD"]["value"] is False
    assert shown["GRAFT_NUM_THREADS"]["default"] == "number of CPUs"
    assert len(shown) == len(Settings.model_fields)


def test_without_a_storage_folder_the_rest_is_shown(
    client: TestClient, storage: LocalStorage
) -> None:
    storage.root.rmdir()
    status = read(client)
    assert (status["storage"], status["ready"]["status"]) == (None, "unavailable")
    assert status["ready"]["reason"] == "The storage folder is not writable."


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://graft:pw@db/graft", "postgresql://graft:***@db/graft"),
        ("postgresql://graft:p@w/x@db/graft", "postgresql://graft:***@db/graft"),
        ("redis://u:p?w#x@redis/0", "redis://u:***@redis/0"),
        ("redis://:pw@redis:6379/0", "redis://:***@redis:6379/0"),
        ("https://token@collector:4318", "https://***@collector:4318"),
        ("postgresql://db/graft?user=a&password=pw", "postgresql://db/graft?user=a&password=***"),
        ("https://collector/v1?api_key=pw&x=1", "https://collector/v1?api_key=***&x=1"),
        ("redis://redis:6379/0", "redis://redis:6379/0"),
        ("sqla+sqlite:////data/a@b/broker.db", "sqla+sqlite:////data/a@b/broker.db"),
        ("/home/me@work/data", "/home/me@work/data"),
    ],
)
def test_passwords_in_urls_are_masked(url: str, masked: str) -> None:
    assert mask_passwords(url) == masked
