"""A study, run by real workers."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.e2e.conftest import POSTGRESQL, TRAINING, Graft
from tests.uploads import make_zip


@pytest.mark.backends(POSTGRESQL)
def test_two_configurations_and_two_seeds_are_ranked_and_drawn(graft: Graft) -> None:
    dataset_id = graft.upload(make_zip(num_train=16), "compared")
    answer = graft.http.post(
        "/studies",
        json={
            "dataset_id": dataset_id,
            "base": TRAINING,
            "configurations": [
                {"name": "idle", "epochs": 1, "optimizer": {"name": "sgd", "learning_rate": 1e-9}},
                {"name": "pretrained", "architecture": "resnet18", "weights": "imagenet"},
            ],
            "seeds": 2,
        },
    )
    assert answer.status_code == 202, answer.text
    path = answer.headers["location"]
    study = graft.wait_for(path, "is_terminal", True)
    assert study["progress"] == {
        "runs": 4,
        "queued": 0,
        "running": 0,
        "succeeded": 4,
        "failed": 0,
        "cancelled": 0,
    }
    first, second = study["ranking"]
    assert (first["name"], second["name"]) == ("pretrained", "idle")
    assert first["best_val_accuracy"]["mean"] > second["best_val_accuracy"]["mean"]
    for one in study["ranking"]:
        assert [run["seed"] for run in one["runs"]] == [0, 1]
        histories = [graft.get(f"/jobs/{run['job_id']}/history")["data"] for run in one["runs"]]
        best = [next(row["val_accuracy"] for row in rows if row["is_best"]) for rows in histories]
        assert [run["best_val_accuracy"] for run in one["runs"]] == best
        assert one["best_val_accuracy"]["mean"] == pytest.approx(sum(best) / 2)
        assert one["best_val_accuracy"]["interval"]["low"] <= one["best_val_accuracy"]["mean"]
    versions = graft.get("/models/compared")["versions"]
    jobs = {run["job_id"] for one in study["ranking"] for run in one["runs"]}
    assert {version["job_id"] for version in versions} == jobs

    picture = Image.open(io.BytesIO(graft.http.get(f"{path}/curves.png").content)).convert("RGB")
    pixels = np.asarray(picture, int)
    for color in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
        assert (np.abs(pixels - color).sum(axis=2) < 20).any(), "a line for each configuration"


@pytest.mark.backends(POSTGRESQL)
def test_an_adaptive_search_is_run_to_its_end(graft: Graft) -> None:
    dataset_id = graft.upload(make_zip(num_train=16), "searched")
    answer = graft.http.post(
        "/studies",
        json={
            "dataset_id": dataset_id,
            "base": TRAINING | {"epochs": 1, "model_name": "searched-model"},
            "search": {
                "method": "tpe",
                "num_trials": 5,
                "num_startup_trials": 2,
                "space": {
                    "optimizer.learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
                    "batch_size": [4, 8],
                },
            },
        },
    )
    assert answer.status_code == 202, answer.text
    assert answer.json()["progress"]["runs"] == 2, "the others wait for results"
    study = graft.wait_for(answer.headers["location"], "is_terminal", True)
    assert study["progress"]["succeeded"] == 5
    assert study["search_progress"]["message"] == "All 5 configurations have ended."
    trials = sorted(study["ranking"], key=lambda one: one["trial"])
    origins = [one["origin"] for one in trials]
    assert origins[:2] == ["startup", "startup"]
    assert set(origins[3:]) == {"model"}
    assert len({str(one["changes"]) for one in trials}) == 5
    assert study["best_so_far"][-1]["best_val_accuracy"] == max(
        one["best_val_accuracy"]["mean"] for one in trials
    )
    assert len(graft.get("/models/searched-model")["versions"]) == 5
