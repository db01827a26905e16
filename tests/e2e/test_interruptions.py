"""Jobs that are interrupted: by a crash, by a user, by a restart."""

import os
import signal

import pytest

from tests.e2e.conftest import POSTGRESQL, SQLITE, Graft
from tests.uploads import make_zip

pytestmark = pytest.mark.backends(SQLITE, POSTGRESQL)

LONG_JOB = {"epochs": 8, "preset": "tutorial", "input_size": 96}
"""Several seconds of training on any machine, so that there is a middle: epochs that are over in
no time would share one checkpoint."""


def wait_for_epoch(graft: Graft, job_id: str, epoch: int) -> None:
    for event in graft.follow(job_id):
        if event.type == "epoch" and event.content["payload"]["epoch"] >= epoch:
            return
    raise AssertionError(f"the job ended before epoch {epoch}")


def test_a_job_survives_the_death_of_its_worker(graft: Graft) -> None:
    dataset_id = graft.upload(make_zip(num_train=40), "killed")
    undisturbed = graft.post_job(dataset_id=dataset_id, **LONG_JOB)
    graft.wait_for(f"/jobs/{undisturbed}", "status", "succeeded")

    job_id = graft.post_job(dataset_id=dataset_id, **LONG_JOB)
    wait_for_epoch(graft, job_id, 2)
    (worker,) = graft.list_pids("graft worker cpu predict train")
    os.kill(worker, signal.SIGKILL)

    job = graft.wait_for(f"/jobs/{job_id}", "is_terminal", True)
    assert (job["status"], job["attempts"]) == ("succeeded", 2)
    events = graft.get(f"/jobs/{job_id}/events")["data"]
    assert [event["type"] for event in events].count("requeued") == 1
    epochs = [event["payload"]["epoch"] for event in events if event["type"] == "epoch"]
    assert epochs == list(range(1, 9))
    assert learned(graft, job_id) == learned(graft, undisturbed)


def learned(graft: Graft, job_id: str) -> list[dict[str, float]]:
    """The history without what the clock has to say."""
    history = graft.get(f"/jobs/{job_id}/history")["data"]
    return [
        {key: row[key] for key in row.keys() - {"seconds", "images_per_second"}} for row in history
    ]


def test_a_cancelled_job_registers_nothing_and_can_be_resumed(graft: Graft) -> None:
    dataset_id = graft.upload(make_zip(num_train=40), "cancelled")
    job_id = graft.post_job(dataset_id=dataset_id, **LONG_JOB)
    wait_for_epoch(graft, job_id, 2)
    assert graft.http.post(f"/jobs/{job_id}/cancel").status_code == 202
    job = graft.wait_for(f"/jobs/{job_id}", "is_terminal", True)
    assert (job["status"], job["model"]) == ("cancelled", None)
    assert graft.http.get("/models/cancelled").status_code == 404
    assert graft.http.post(f"/jobs/{job_id}/stop").json()["code"] == "ILLEGAL_TRANSITION"

    assert graft.http.post(f"/jobs/{job_id}/resume").json()["status"] == "queued"
    job = graft.wait_for(f"/jobs/{job_id}", "is_terminal", True)
    assert (job["status"], job["error"]) == ("succeeded", None)
    assert [row["epoch"] for row in graft.get(f"/jobs/{job_id}/history")["data"]] == [*range(1, 9)]
    assert graft.http.post(f"/jobs/{job_id}/resume").status_code == 409


def test_a_stopped_job_keeps_its_best_epoch(graft: Graft) -> None:
    dataset_id = graft.upload(make_zip(num_train=40), "stopped")
    job_id = graft.post_job(dataset_id=dataset_id, **LONG_JOB | {"epochs": 500})
    wait_for_epoch(graft, job_id, 1)
    assert graft.http.post(f"/jobs/{job_id}/stop").status_code == 202
    job = graft.wait_for(f"/jobs/{job_id}", "is_terminal", True)
    assert job["status"] == "succeeded"
    assert job["model"] == {"name": "stopped", "version": 1}
    assert len(graft.get(f"/jobs/{job_id}/history")["data"]) < 500


def test_a_worker_that_is_asked_to_end_gives_its_job_back(graft: Graft) -> None:
    dataset_id = graft.upload(make_zip(num_train=40), "drained")
    job_id = graft.post_job(dataset_id=dataset_id, **LONG_JOB)
    wait_for_epoch(graft, job_id, 2)
    (worker,) = graft.list_pids("graft worker cpu predict train")
    os.kill(worker, signal.SIGTERM)
    job = graft.wait_for(f"/jobs/{job_id}", "is_terminal", True)
    assert (job["status"], job["attempts"]) == ("succeeded", 1)


def test_a_child_that_crashes_is_started_again(graft: Graft) -> None:
    dataset_id = graft.upload(make_zip(num_train=40), "crashed")
    job_id = graft.post_job(dataset_id=dataset_id, **LONG_JOB)
    wait_for_epoch(graft, job_id, 1)
    (child,) = graft.list_pids("graft worker.training")
    os.kill(child, signal.SIGKILL)
    job = graft.wait_for(f"/jobs/{job_id}", "is_terminal", True)
    assert (job["status"], job["attempts"]) == ("succeeded", 2)
