"""A batch prediction through real worker processes."""

import json
import os
import signal
import time

import pytest

from tests.e2e.conftest import POSTGRESQL, Graft
from tests.uploads import make_zip


@pytest.mark.backends(POSTGRESQL)
def test_a_dataset_is_predicted_although_its_process_dies_and_holds_up_no_upload(
    graft: Graft,
) -> None:
    dataset_id = graft.upload(make_zip(num_train=12), "batched")
    job_id = graft.post_job(dataset_id=dataset_id, epochs=1)
    job = graft.wait_for(f"/jobs/{job_id}", "is_terminal", True)
    assert job["status"] == "succeeded", job["error"]

    # posted while this dataset is still being checked
    other_id = graft.upload(make_zip(num_train=30, num_val=10), "to-predict")
    posted = graft.http.post("/predictions", json={"dataset_id": other_id, "model": "batched"})
    assert posted.status_code == 202, posted.text
    path = posted.headers["location"]
    assert graft.http.delete(f"/datasets/{other_id}").status_code == 409

    # however long it takes, uploads are checked meanwhile; and its process dies
    child = wait_for_child(graft)
    os.kill(child, signal.SIGSTOP)
    third_id = graft.upload(make_zip(num_train=2), "meanwhile")
    assert (
        graft.wait_for(f"/datasets/{third_id}", "status", "ready", "invalid")["status"] == "ready"
    )
    assert graft.get(path)["status"] == "running"
    os.kill(child, signal.SIGKILL)

    batch = graft.wait_for(path, "is_terminal", True)
    assert (batch["status"], batch["error"]) == ("succeeded", None)
    assert (batch["counts"]["images"], batch["counts"]["failed"]) == (80, 0)
    results = graft.http.get(f"{path}/results")
    lines = [json.loads(line) for line in results.text.splitlines()]
    assert [line["image_id"] for line in lines] == [*range(1, 81)]
    for line in lines[::20]:
        image = graft.http.get(f"/datasets/{other_id}/images/{line['image_id']}").content
        alone = graft.http.post(
            "/predict", files={"image": image}, params={"model": "batched"}
        ).json()
        for here, there in zip(line["predictions"], alone["predictions"], strict=True):
            assert here == pytest.approx(there, abs=0.02)  # bf16 in batches of several sizes
    assert graft.http.delete(path).status_code == 204
    assert graft.http.delete(f"/datasets/{other_id}").status_code == 204


def wait_for_child(graft: Graft) -> int:
    """The process that predicts a batch, once it is there."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid in graft.list_pids("graft worker.batches"):
            return pid
        time.sleep(0.05)
    raise AssertionError("no batch was begun")
