"""A job with a time budget, whose child dies between two candidates."""

import io
import os
import signal
import zipfile

from app.ml.models.lite0_package import LITE0
from tests.e2e.conftest import Graft
from tests.uploads import draw_picture


def make_difficult_zip() -> bytes:
    """Images of two colours, of which every fourth has the wrong label: no head is perfect."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for split, count in (("train", 24), ("val", 8)):
            for number in range(count):
                label = ("amber", "blue")[number % 2]
                shown = ("amber", "blue")[(number + (number % 8 in {0, 5})) % 2]
                path = f"{split}/{label}/{number}.jpg"
                archive.writestr(path, draw_picture(shown, number + 100 * len(split)))
    return content.getvalue()


def test_a_search_survives_the_death_of_its_child(graft: Graft) -> None:
    dataset_id = graft.upload(make_difficult_zip(), "searched")
    job_id = graft.post_job(
        dataset_id=dataset_id,
        architecture="auto",
        strategy="feature_extract",
        weights="imagenet",
        time_budget_seconds=3600,
    )
    for event in graft.follow(job_id):
        if event.type == "candidate":
            break
    else:
        raise AssertionError("the job ended before its first candidate")
    (child,) = graft.list_pids("graft worker.portfolio")
    os.kill(child, signal.SIGKILL)
    before = graft.get(f"/jobs/{job_id}/portfolio")

    job = graft.wait_for(f"/jobs/{job_id}", "is_terminal", True, seconds=300)
    assert (job["status"], job["attempts"]) == ("succeeded", 2)
    portfolio = graft.get(f"/jobs/{job_id}/portfolio")
    names = ["resnet18", "shufflenet_v2_x0_5", LITE0]
    assert sorted(one["architecture"] for one in portfolio["candidates"]) == names
    assert {one["state"] for one in portfolio["candidates"]} == {"tried"}
    assert portfolio["candidates"][0] == before["candidates"][0]
    assert portfolio["stop_reason"] == "all_tried"
    assert portfolio["used_seconds"] > before["used_seconds"]
    events = graft.get(f"/jobs/{job_id}/events")["data"]
    settled = [one["payload"]["architecture"] for one in events if one["type"] == "candidate"]
    assert sorted(settled) == names
    assert [one["type"] for one in events].count("decided") == 1
    assert job["resolved"]["config"]["architecture"] == portfolio["chosen"]
    model = graft.get("/models/searched/versions/1")
    assert model["architecture"] == portfolio["chosen"]
