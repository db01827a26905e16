"""Advice, a dry run, and a job that decides for itself, against real processes."""

import time

import pytest
from httpx import Response

from tests.e2e.conftest import POSTGRESQL, Graft
from tests.uploads import make_zip

pytestmark = pytest.mark.backends(POSTGRESQL)


def wait_for_answer(graft: Graft, response: Response) -> Response:
    """Look where and when the answer says to, until it is there."""
    deadline = time.monotonic() + 120
    while response.status_code == 202 and time.monotonic() < deadline:
        time.sleep(float(response.headers["retry-after"]))
        response = graft.http.get(response.headers["location"])
    assert response.status_code == 200, response.text
    return response


def test_what_auto_means_is_measured_told_and_done(graft: Graft) -> None:
    dataset_id = graft.upload(make_zip(num_train=12), "advised")
    asked = graft.http.get(f"/datasets/{dataset_id}/advice")
    assert asked.status_code == 202
    job_id = graft.http.post("/jobs", json={"dataset_id": dataset_id, "strategy": "auto"}).json()[
        "id"
    ]
    advice = wait_for_answer(graft, asked).json()
    assert advice["measurements"]["per_class"] == {"amber": 12, "blue": 12}
    assert advice["expected_seconds"] > 0
    assert advice["reason"].startswith("12 images per class are few")

    job = graft.wait_for(f"/jobs/{job_id}", "is_terminal", True)
    assert job["status"] == "succeeded", job["error"]
    assert (job["config"]["strategy"], job["config"]["optimizer"]) == ("auto", "auto")
    decided = job["resolved"]["config"]
    assert decided["strategy"] == advice["strategy"]
    assert job["resolved"]["advice"]["reason"] == advice["reason"]
    assert job["resolved"]["num_train_images"] == 24
    clone = graft.http.post("/jobs", json={"clone_of": job_id}).json()
    assert clone["config"]["strategy"] == decided["strategy"]
    graft.http.post(f"/jobs/{clone['id']}/cancel")
    graft.wait_for(f"/jobs/{clone['id']}", "is_terminal", True)


def test_a_batch_is_run_before_a_job_is_posted(graft: Graft) -> None:
    dataset_id = graft.upload(make_zip(), "rehearsed")
    graft.wait_for(f"/datasets/{dataset_id}", "status", "ready")
    body = {"dataset_id": dataset_id, "strategy": "fine_tune", "input_size": 64}
    asked = graft.http.post("/jobs/validate", json=body)
    assert (asked.status_code, asked.json()["measured"]) == (202, None)
    validation = wait_for_answer(graft, asked).json()
    assert validation["is_valid"]
    measured = validation["measured"]
    assert (measured["fits"], measured["device"]) == (True, "cpu")
    assert measured["train_seconds_per_image"] > 0
    assert measured["peak_memory_bytes"] > 0
