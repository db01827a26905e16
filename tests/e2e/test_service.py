"""The running service describes itself."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from tests.servers import running_graft, wait_until


def read(url: str) -> Any:
    return httpx.get(f"{url}/service", timeout=30).json()


def test_a_worker_is_listed_until_it_stops(tmp_path: Path) -> None:
    with running_graft(tmp_path) as running:
        wait_until(lambda: bool(read(running.url)["workers"]), "the worker")
        status = read(running.url)
        (worker,) = status["workers"]
        assert Path(f"/proc/{worker['pid']}").exists()
        assert sorted(worker["queues"]) == ["cpu", "predict", "train"]
        assert (worker["is_alive"], worker["device"]) == (True, "cpu")
        assert [queue["num_workers"] for queue in status["queues"]] == [1, 1, 1]
        assert status["ready"]["status"] == "ok"
    with closing(sqlite3.connect(running.data_dir / "graft.db")) as database:
        assert database.execute("SELECT count(*) FROM worker").fetchone() == (0,)
