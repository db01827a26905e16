"""Answers as the service gives them, for the client's tests."""

import json
from typing import Any

from tests.unit.client.conftest import Answer

NOW = "2026-01-01T00:00:00.000Z"
VERSION = "/models/pets/versions/3"
CHAMPION = "/models/pets/aliases/champion"

EPOCH: dict[str, Any] = {
    "epoch": 1,
    "train_loss": 0.7,
    "train_accuracy": 0.5,
    "val_loss": 0.6,
    "val_accuracy": 0.75,
    "val_balanced_accuracy": 0.7,
    "learning_rate": None,
    "seconds": 2.0,
    "images_per_second": 10.0,
    "is_best": True,
}
EVALUATION: dict[str, Any] = {
    "name": "pets",
    "version": 3,
    "dataset_id": "ds_1",
    "dataset_digest": "ab",
    "split": "test",
    "class_names": ["cats", "dogs"],
    "num_images": 10,
    "accuracy": 0.9,
    "accuracy_interval": [0.6, 0.98],
    "balanced_accuracy": 0.9,
    "macro_f1": 0.9,
    "per_class": [],
    "confusion_matrix": [[5, 0], [1, 4]],
    "calibration_error": 0.1,
    "log_loss": 0.3,
    "warnings": [],
    "evaluated_at": NOW,
}
ALIAS: dict[str, Any] = {
    "name": "pets",
    "version": 3,
    "alias": "champion",
    "updated_at": NOW,
    "gate": None,
}
CHOSEN: dict[str, Any] = {
    "model": "pets",
    "resolved": {"name": "pets", "version": 3},
    "shadow": None,
    "updated_at": NOW,
}
PREDICTION: dict[str, Any] = {
    "model": {"name": "pets", "version": 3},
    "predictions": [{"label": "cats", "probability": 0.75}],
    "inference_ms": 4.5,
}


def as_json(body: object, status: int = 200, *headers: tuple[str, str]) -> Answer:
    return Answer(json.dumps(body).encode(), status, headers=headers)


def later(location: str, retry_after: str = "0") -> Answer:
    """The result will be at the location."""
    return as_json({}, 202, ("Location", location), ("Retry-After", retry_after))


def problem(
    status: int, code: str, detail: str = "", *headers: tuple[str, str], **rest: Any
) -> Answer:
    body = {"code": code, "detail": detail, "status": status} | rest
    return Answer(json.dumps(body).encode(), status, "application/problem+json", headers=headers)


def page(*rows: object, has_more: bool = False, last_id: str | None = None) -> Answer:
    return as_json({"object": "list", "data": rows, "has_more": has_more, "last_id": last_id})


def dataset(**changes: Any) -> dict[str, Any]:
    counts = ("images", "ignored", "system_files", "rejected", "duplicates", "leaked")
    lists = ("ignored", "rejected", "duplicates", "leaked", "near_leaked", "suspect_labels")
    report: dict[str, Any] = {key: [] for key in lists} | {
        "warnings": [],
        "suspect_labels_job_id": None,
        "counts": dict.fromkeys([*counts, "near_leaked", "suspect_labels"], 0),
    }
    return {
        "id": "ds_1",
        "name": "pets",
        "status": "ready",
        "error": None,
        "class_names": ["cats", "dogs"],
        "splits": {"train": {"num_images": 3, "per_class": {"cats": 1, "dogs": 2}}},
        "progress": {"stage": "done", "done": 3, "total": 3},
        "report": report,
        "digest": "ab",
        "num_bytes": 100,
        "val_fraction": 0.2,
        "split_seed": 0,
        "metadata": {},
        "created_at": NOW,
        "a_later_field": 1,
    } | changes


def image(**changes: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "split": "val",
        "class_name": "cats",
        "path": "val/cats/7.jpg",
        "sha256": "ab",
        "num_bytes": 10,
        "width": 30,
        "height": 20,
    } | changes


def job(**changes: Any) -> dict[str, Any]:
    return {
        "id": "job_1",
        "status": "succeeded",
        "is_terminal": True,
        "dataset_id": "ds_1",
        "study_id": None,
        "trial": None,
        "config": {"epochs": 2, "model_name": "pets", "strategy": "scratch"},
        "attempts": 1,
        "resolved": None,
        "progress": {"stage": "training", "epoch": 2, "epochs": 2, "step": 3, "steps": 3},
        "best": {
            "epoch": 2,
            "val_accuracy": 0.9,
            "val_balanced_accuracy": 0.85,
            "val_loss": 0.2,
        },
        "error": None,
        "model": {"name": "pets", "version": 3},
        "environment": None,
        "metadata": {},
        "created_at": NOW,
        "started_at": NOW,
        "finished_at": None,
    } | changes


def batch(**changes: Any) -> dict[str, Any]:
    return {
        "id": "pred_1",
        "status": "queued",
        "is_terminal": False,
        "model": {"name": "pets", "version": 3},
        "dataset_id": None,
        "split": None,
        "options": {"top_k": 5, "logits": False, "coverage": None},
        "progress": {"stage": "queued", "done": 0, "total": 0},
        "counts": None,
        "accuracy": None,
        "error": None,
        "metadata": {},
        "created_at": NOW,
        "finished_at": None,
    } | changes


DONE = batch(
    status="succeeded",
    is_terminal=True,
    counts={"images": 2, "failed": 1, "per_label": {"cats": 1}},
)


def study(**changes: Any) -> dict[str, Any]:
    statuses = ("queued", "running", "succeeded", "failed", "cancelled")
    return {
        "id": "study_1",
        "name": "pets",
        "status": "running",
        "is_terminal": False,
        "dataset_id": "ds_1",
        "base": {},
        "seeds": [0],
        "search": None,
        "progress": dict.fromkeys(statuses, 0) | {"runs": 1},
        "search_progress": None,
        "metadata": {},
        "ranking": [],
        "best_so_far": [],
        "created_at": NOW,
        "finished_at": None,
    } | changes


def version(number: int = 3, **changes: Any) -> dict[str, Any]:
    return {
        "name": "pets",
        "version": number,
        "aliases": [],
        "job_id": "job_1",
        "architecture": "resnet18",
        "class_names": ["cats", "dogs"],
        "input_size": 224,
        "val_accuracy": 0.9,
        "val_balanced_accuracy": 0.85,
        "calibration": None,
        "num_bytes": 10,
        "digest": "ab",
        "dataset_digest": None,
        "quantized_from": None,
        "created_at": NOW,
    } | changes


def model(**changes: Any) -> dict[str, Any]:
    return {
        "name": "pets",
        "newest_version": 3,
        "aliases": {"champion": 2},
        "metadata": {},
        "created_at": NOW,
        "versions": [version(3), version(2)],
    } | changes


def event(number: int, kind: str = "epoch", payload: object = None) -> bytes:
    """One server-sent event of a job."""
    body = {
        "event_number": number,
        "type": kind,
        "payload": EPOCH | {"epoch": number} if payload is None else payload,
        "created_at": NOW,
    }
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(body)}\n\n".encode()


def stream(body: bytes = b"", *, is_broken: bool = False) -> Answer:
    return Answer(body, content_type="text/event-stream", is_broken=is_broken)
