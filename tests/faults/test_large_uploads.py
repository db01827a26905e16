"""The long form of interrupted uploads: 2 GB, and 20 GB where there is room."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from graft_client import Graft as Client
from tests.e2e.conftest import Graft
from tests.large_uploads import (
    MB,
    InterruptingProxy,
    digest_of,
    interrupting,
    require_free_bytes,
    send_by_tus_js,
    send_by_tuspy,
    write_archive,
)
from tests.servers import running_graft

GB = 1000 * MB
PART_BYTES = 17 * MB
TUS = {"Tus-Resumable": "1.0.0"}

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that does not outlive the test, because pytest keeps those of three runs."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def interrupt_often(proxy: InterruptingProxy, graft: Graft, num_bytes: int) -> None:
    """Cut the line at each tenth, and kill the API's processes at each third tenth."""

    def kill() -> None:
        for pid in graft.list_pids("graft api"):
            os.kill(pid, signal.SIGKILL)

    for tenth in range(1, 10):
        proxy.after(tenth * num_bytes // 10, proxy.cut if tenth % 3 else kill)


@pytest.mark.parametrize("num_bytes", [2 * GB, 20 * GB])
def test_the_client_uploads_a_large_archive_through_interruptions(
    folder: Path, monkeypatch: pytest.MonkeyPatch, num_bytes: int
) -> None:
    require_free_bytes(folder, 4 * num_bytes)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    archive = folder / "noise.zip"
    write_archive(archive, num_bytes)
    with (
        running_graft(folder, api_processes=2) as running,
        interrupting(running.url) as proxy,
        Client(proxy.url) as client,
    ):
        interrupt_often(proxy, Graft(running), num_bytes)
        dataset = client.datasets.upload(archive)
        assert proxy.num_waiting == 0
        assert proxy.num_bytes - archive.stat().st_size < 10 * 2 * PART_BYTES
        with Client(running.url) as near:
            near.datasets.get(dataset.id).wait(progress=False)


@pytest.mark.parametrize("send", [send_by_tuspy, send_by_tus_js])
def test_other_clients_upload_2_gb_through_interruptions(
    folder: Path, send: Callable[[Path, str], str]
) -> None:
    require_free_bytes(folder, 8 * GB)
    archive = folder / "noise.zip"
    write_archive(archive, 2 * GB)
    with running_graft(folder, api_processes=2) as running, interrupting(running.url) as proxy:
        interrupt_often(proxy, Graft(running), 2 * GB)
        upload_id = send(archive, proxy.url)
        assert proxy.num_waiting == 0
        stored = running.data_dir / "storage" / "uploads" / upload_id
        assert digest_of(stored) == digest_of(archive)
        answer = httpx.delete(f"{running.url}/uploads/{upload_id}", headers=TUS)
        assert answer.status_code == 204
