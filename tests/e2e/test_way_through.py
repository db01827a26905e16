"""From nothing to a prediction, over HTTP, against real processes."""

import csv
import io

import pytest
from PIL import Image

from tests.e2e.conftest import POSTGRESQL, SQLITE, Graft
from tests.uploads import draw_picture, make_zip

pytestmark = pytest.mark.backends(POSTGRESQL)


@pytest.mark.backends(SQLITE, POSTGRESQL)
def test_upload_train_watch_predict(graft: Graft) -> None:
    dataset_id = graft.upload(make_zip(), "first")
    job_id = graft.post_job(dataset_id=dataset_id, epochs=4, preset="tutorial")

    events = list(graft.follow(job_id))
    numbers = [event.id for event in events if event.id is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    assert events[0].type == "queued"
    assert events[-1].type == "succeeded"
    assert [e.content["payload"]["epoch"] for e in events if e.type == "epoch"] == [1, 2, 3, 4]
    assert all(event.id is None for event in events if event.type == "progress")
    rest = list(graft.follow(job_id, last_event_id=numbers[2]))
    assert [event.id for event in rest] == numbers[3:]

    dataset = graft.get(f"/datasets/{dataset_id}")
    assert (dataset["status"], dataset["class_names"]) == ("ready", ["amber", "blue"])
    assert dataset["splits"]["train"]["per_class"] == {"amber": 8, "blue": 8}

    job = graft.get(f"/jobs/{job_id}")
    assert (job["status"], job["attempts"], job["is_terminal"]) == ("succeeded", 1, True)
    assert job["model"] == {"name": "first", "version": 1}
    assert job["resolved"]["device"] == "cpu"
    assert job["environment"]["dataset_digest"] == dataset["digest"]

    history = graft.get(f"/jobs/{job_id}/history")["data"]
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert [row["epoch"] for row in history if row["is_best"]] == [job["best"]["epoch"]]
    assert job["best"]["val_accuracy"] == max(row["val_accuracy"] for row in history)
    text = graft.http.get(f"/jobs/{job_id}/history", params={"format": "csv"}).text
    assert [row["epoch"] for row in csv.DictReader(io.StringIO(text))] == ["1", "2", "3", "4"]
    for picture in (f"/jobs/{job_id}/history.png", f"/datasets/{dataset_id}/preview.png"):
        content = graft.http.get(picture).content
        assert min(Image.open(io.BytesIO(content)).size) > 200

    assert graft.http.put("/serving", json={"model": "first"}).status_code == 200
    answer = graft.http.post("/predict", files={"image": draw_picture("blue", 9999)})
    assert answer.status_code == 200, answer.text
    prediction = answer.json()
    assert prediction["model"] == {"name": "first", "version": 1}
    assert {one["label"] for one in prediction["predictions"]} == {"amber", "blue"}
    assert abs(sum(one["probability"] for one in prediction["predictions"]) - 1) < 1e-5


def test_what_was_learned_is_what_answers(graft: Graft) -> None:
    """Colours are easy: the served model must know pictures it has never seen."""
    dataset_id = graft.upload(make_zip(num_train=96), "easy")
    job_id = graft.post_job(dataset_id=dataset_id, architecture="resnet18", epochs=2)
    assert graft.wait_for(f"/jobs/{job_id}", "is_terminal", True)["best"]["val_accuracy"] == 1.0
    for number, class_name in enumerate(["amber", "blue", "blue", "amber"]):
        picture = draw_picture(class_name, 5000 + number)
        answer = graft.http.post(
            "/predict",
            content=picture,
            params={"model": "easy"},
            headers={"content-type": "image/jpeg"},
        )
        assert answer.json()["predictions"][0]["label"] == class_name


def test_a_job_goes_on_from_another_jobs_model(graft: Graft) -> None:
    base = graft.post_job(dataset_id=graft.upload(make_zip(), "base"), epochs=1)
    graft.wait_for(f"/jobs/{base}", "status", "succeeded")
    smaller = graft.upload(make_zip(class_names=("blue", "green")), "smaller")
    job_id = graft.post_job(dataset_id=smaller, weights="base", strategy="fine_tune", epochs=1)
    job = graft.wait_for(f"/jobs/{job_id}", "status", "succeeded")
    assert job["config"]["weights"] == "base:1"
    assert graft.get("/models/smaller/versions/1")["class_names"] == ["blue", "green"]
