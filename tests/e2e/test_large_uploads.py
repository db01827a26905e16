"""Uploads in parts that are interrupted: by the line, by the death of the API, by a full disk."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from graft_client import AsyncGraft
from graft_client import Graft as Client
from tests.disks import MIB, SmallDisk, mounting_small_disk
from tests.e2e.conftest import Graft
from tests.large_uploads import (
    MB,
    digest_of,
    interrupting,
    remembering_in,
    send_by_tus_js,
    send_by_tuspy,
    write_archive,
)
from tests.servers import running_graft, wait_until

TUS = {"Tus-Resumable": "1.0.0"}

Send = Callable[[Path, str], str]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    with mounting_small_disk(tmp_path_factory.mktemp("disk"), 700 * MIB) as disk:
        yield disk


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, disk: SmallDisk) -> Iterator[Graft]:
    folder = tmp_path_factory.mktemp("large")
    with running_graft(
        folder, api_processes=2, storage_url=f"file://{disk.root}", storage_floor_bytes=0
    ) as running:
        graft = Graft(running)
        yield graft
        graft.http.close()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "noise.zip"
    write_archive(path, 80 * MB)
    return path


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def kill_api(service: Graft) -> None:
    """Kill every process of the API."""
    for pid in service.list_pids("graft api"):
        os.kill(pid, signal.SIGKILL)


def expect_whole(service: Graft, disk: SmallDisk, upload_id: str, archive: Path) -> None:
    """Compare an upload with its source, and delete it."""
    assert digest_of(disk.root / "uploads" / upload_id) == digest_of(archive)
    assert service.http.delete(f"/uploads/{upload_id}", headers=TUS).status_code == 204


def expect_ready(service: Graft, dataset_id: str) -> None:
    dataset = service.wait_for(f"/datasets/{dataset_id}", "status", "ready", "invalid")
    assert (dataset["status"], dataset["class_names"]) == ("ready", ["amber", "blue"])
    assert service.http.delete(f"/datasets/{dataset_id}").status_code == 204


@pytest.mark.parametrize("send", [send_by_tuspy, send_by_tus_js])
def test_other_clients_survive_a_dropped_line_and_the_death_of_the_api(
    service: Graft, disk: SmallDisk, archive: Path, send: Send
) -> None:
    with interrupting(service.running.url) as proxy:
        proxy.after(20 * MB, proxy.cut)
        proxy.after(50 * MB, lambda: kill_api(service))
        upload_id = send(archive, proxy.url)
        assert proxy.num_waiting == 0
    expect_whole(service, disk, upload_id, archive)


def send_by_client(path: Path, url: str) -> str:
    with Client(url) as graft:
        return graft.datasets.upload(path, name="noise").id


def send_by_async_client(path: Path, url: str) -> str:
    async def send() -> str:
        async with AsyncGraft(url) as graft:
            return (await graft.datasets.upload(path)).id

    return asyncio.run(send())


@pytest.mark.parametrize("send", [send_by_client, send_by_async_client])
def test_the_client_survives_a_dropped_line_and_the_death_of_the_api(
    service: Graft, archive: Path, tmp_path: Path, send: Send
) -> None:
    with interrupting(service.running.url) as proxy:
        proxy.after(20 * MB, proxy.cut)
        proxy.after(50 * MB, lambda: kill_api(service))
        dataset_id = send(archive, proxy.url)
        assert proxy.num_waiting == 0
        assert proxy.num_bytes < 80 * MB + 3 * 17 * MB  # what was acknowledged is not sent again
    expect_ready(service, dataset_id)
    assert list((tmp_path / "state").rglob("*.json")) == []


def test_an_interrupted_command_continues_when_it_is_run_again(
    service: Graft, archive: Path, tmp_path: Path
) -> None:
    with interrupting(service.running.url) as proxy:
        command = [sys.executable, "-m", "graft_client.cli", "upload", str(archive), "--no-wait"]
        environment = remembering_in(tmp_path / "state") | {"GRAFT_URL": proxy.url}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        proxy.after(50 * MB, lambda: process.send_signal(signal.SIGINT))
        _, told = process.communicate(timeout=120)
        assert process.returncode == 130, told
        assert "Run the same command again" in told
        first = proxy.num_bytes
        done = subprocess.run(
            [*command, "--json"], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert proxy.num_bytes - first < 60 * MB
    dataset_id = httpx.Response(200, text=done.stdout).json()["id"]
    expect_ready(service, dataset_id)


def test_a_full_disk_is_told_and_the_rest_is_sent_once_there_is_space(
    service: Graft, disk: SmallDisk, archive: Path
) -> None:
    content = archive.read_bytes()
    created = service.http.post(
        "/uploads", headers=TUS | {"Upload-Length": str(len(content))}
    ).headers["location"]

    def send(offset: int) -> httpx.Response:
        headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        return service.http.patch(created, content=content[offset:], headers=TUS | headers)

    disk.fill(leave=50 * MIB)
    try:
        refused = send(0)
        assert (refused.status_code, refused.json()["code"]) == (507, "STORAGE_FULL")
        head = service.http.head(created, headers=TUS)
        offset = int(head.headers["upload-offset"])
        assert 0 < offset <= 50 * MIB
        file = disk.root / created.strip("/")
        assert file.stat().st_size == offset
    finally:
        disk.free()
    assert send(offset).status_code == 204
    expect_whole(service, disk, created.rpartition("/")[2], archive)


def test_the_client_waits_for_space(service: Graft, disk: SmallDisk, archive: Path) -> None:
    sent: list[str] = []
    thread = threading.Thread(
        target=lambda: sent.append(send_by_client(archive, service.running.url))
    )
    disk.fill(leave=40 * MIB)
    try:
        thread.start()
        wait_until(lambda: disk.num_free_bytes < 20 * MIB, "the full disk")
        thread.join(2)
        assert thread.is_alive()
    finally:
        disk.free()
    thread.join(120)
    expect_ready(service, sent[0])
