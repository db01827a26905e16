"""Several API processes behind one port."""

import os
import signal
from pathlib import Path

import httpx

from tests.e2e.conftest import Graft
from tests.servers import running_graft, wait_until
from tests.uploads import draw_picture, make_zip

COUNT = 'graft_http_requests_total{method="POST",route="/predict",status="200"} %s'


def test_processes_answer_and_count_as_one_and_stand_in_for_each_other(tmp_path: Path) -> None:
    with running_graft(tmp_path, api_processes=2) as running:
        graft = Graft(running)
        dataset_id = graft.upload(make_zip(), "shared")
        job = graft.wait_for(
            f"/jobs/{graft.post_job(dataset_id=dataset_id, epochs=1)}", "is_terminal", True
        )
        assert job["status"] == "succeeded", job["error"]
        first, second = list_apis(graft)

        for _ in range(40):
            assert predict(graft) == 200
        for _ in range(8):  # whichever answers tells of both
            assert COUNT % 40.0 in httpx.get(f"{running.url}/metrics").text

        os.kill(first, signal.SIGKILL)
        # Its sockets are closed after its memory is gone, and a connection it was given is reset.
        wait_until(lambda: not Path(f"/proc/{first}").exists(), "the first's end")
        for _ in range(20):  # nobody is sent to a process that is not there or not warm
            assert predict(graft) == 200
        wait_until(lambda: len(list_apis(graft)) == 2, "its successor")
        os.kill(second, signal.SIGKILL)
        wait_until(lambda: is_answered(graft), "an answer of the successor", seconds=120)
        assert predict(graft) == 200
        graft.http.close()


def list_apis(graft: Graft) -> list[int]:
    return graft.list_pids("graft api")


def predict(graft: Graft) -> int:
    """By a connection of its own, which the kernel gives to either process."""
    image = {"image": draw_picture("amber", 1)}
    return httpx.post(f"{graft.running.url}/predict", files=image, timeout=60).status_code


def is_answered(graft: Graft) -> bool:
    try:
        return httpx.get(f"{graft.running.url}/readyz").status_code == 200
    except httpx.TransportError:
        return False
