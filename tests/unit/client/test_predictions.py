"""Predictions with the Python client."""

import json
from pathlib import Path
from typing import Any

import pytest

from graft_client.errors import ApiError, OutcomeError
from graft_client.graft import Graft
from tests.unit.client.conftest import Answer, Service


def as_json(body: object, status: int = 200, *headers: tuple[str, str]) -> Answer:
    return Answer(json.dumps(body).encode(), status, headers=headers)


def batch(**changes: Any) -> dict[str, Any]:
    return {
        "id": "pred_1",
        "status": "queued",
        "is_terminal": False,
        "model": {"name": "pets", "version": 3},
        "dataset_id": None,
        "progress": {"stage": "queued", "done": 0, "total": 0},
        "counts": None,
        "accuracy": None,
        "error": None,
        "created_at": "2026-01-01T00:00:00.000Z",
        "finished_at": None,
    } | changes


DONE = batch(
    status="succeeded",
    is_terminal=True,
    counts={"images": 2, "failed": 1, "per_label": {"cats": 1}},
)


def test_options_of_a_prediction_are_sent(graft: Graft, service: Service, tmp_path: Path) -> None:
    image = tmp_path / "cat.jpg"
    image.write_bytes(b"an image")
    answer = {
        "model": {"name": "pets", "version": 3},
        "predictions": [{"label": "cats", "probability": 0.75, "logit": 2.5}],
        "prediction_set": {"coverage": 0.9, "labels": ["cats", "dogs"], "abstained": True},
        "novelty": {"score": 0.5, "limit": None, "is_novel": None},
        "explanation": {"label": "cats", "heatmap_png": "aGk="},
        "inference_ms": 4.5,
    }
    service.answer("POST", "/predict", as_json(answer))
    done = graft.predict(image, coverage=0.9, logits=True, explain=True)
    assert service.received[0].query == "top_k=5&coverage=0.9&logits=true&explain=true"
    assert done.predictions[0].logit == 2.5
    assert done.prediction_set is not None
    assert done.prediction_set.abstained
    assert done.explanation is not None
    graft.predict(image)
    assert service.received[1].query == "top_k=5"


def test_a_folder_is_packed_and_predicted(graft: Graft, service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(b"an image")
    service.answer("POST", "/predictions", as_json(batch(), 202))
    service.answer("GET", "/predictions/pred_1", as_json(batch()), as_json(DONE))
    service.answer("GET", "/predictions/pred_1/results", Answer(b"path\n", content_type="text/csv"))
    posted = graft.predict_archive(folder, model="pets", top_k=1, logits=False)
    body = service.received[0].body
    assert b'filename="pets.zip"' in body
    assert b'name="top_k"\r\n\r\n1\r\n' in body
    assert b'name="logits"' not in body
    done = graft.wait_for_batch(posted.id)
    assert done.counts is not None
    assert (done.counts.images, done.counts.failed) == (2, 1)
    graft.save_results("pred_1", tmp_path / "results.csv", format="csv")
    assert service.received[-1].query == "format=csv"
    assert (tmp_path / "results.csv").read_bytes() == b"path\n"


def test_a_dataset_is_predicted(graft: Graft, service: Service) -> None:
    service.answer("POST", "/predictions", as_json(batch(dataset_id="ds_1"), 202))
    graft.predict_dataset("ds_1", split="val", coverage=0.9)
    sent = json.loads(service.received[0].body)
    assert sent == {"dataset_id": "ds_1", "split": "val", "coverage": 0.9}


def test_a_batch_without_results_is_an_error(
    graft: Graft, service: Service, tmp_path: Path
) -> None:
    error = {"code": "ARCHIVE_INVALID", "message": "no archive"}
    failed = batch(status="failed", is_terminal=True, error=error)
    service.answer("GET", "/predictions/pred_1", as_json(failed))
    with pytest.raises(OutcomeError, match="ARCHIVE_INVALID"):
        graft.wait_for_batch("pred_1")
    cancelled = batch(status="cancelled", is_terminal=True)
    service.answer("GET", "/predictions/pred_1", as_json(cancelled))
    with pytest.raises(OutcomeError, match="CANCELLED"):
        graft.wait_for_batch("pred_1")
    problem = Answer(
        b'{"code": "RESULTS_NOT_READY", "detail": "not yet"}', 409, "application/problem+json"
    )
    service.answer("GET", "/predictions/pred_1/results", problem)
    with pytest.raises(ApiError, match="RESULTS_NOT_READY"):
        graft.save_results("pred_1", tmp_path / "results.jsonl")
    assert not (tmp_path / "results.jsonl").exists()
