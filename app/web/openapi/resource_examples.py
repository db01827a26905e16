"""Example resources, each in one consistent state, as the service returns them.

They are plain JSON, and `tests/contract/test_openapi.py` validates them against their schemas.
"""

from typing import Any

from app.recipes.defaults import resolve
from app.recipes.schemas import DATASET_ID, JOB_ID, JobConfig, JobRequest
from app.studies.schemas import STUDY_ID

_Json = dict[str, Any]

_NAME = "ants-and-bees"
_NUM_BYTES = 47_457_124
_NUM_STEPS = 51
_UPLOADED_AT = "2026-11-22T17:31:04.098Z"
_CREATED_AT = "2026-11-22T17:32:10.512Z"
_STARTED_AT = "2026-11-22T17:32:10.731Z"
_FINISHED_AT = "2026-11-22T17:33:27.040Z"
_VERSION = {"name": _NAME, "version": 1}


def _make_config() -> JobConfig:
    (request,) = JobRequest.model_json_schema()["examples"]
    return resolve(JobRequest.model_validate(request), dataset_name=_NAME, num_threads=2, base=None)


_CONFIG = _make_config()

_NO_COUNTS: _Json = {
    "images": 0,
    "ignored": 0,
    "system_files": 0,
    "rejected": 0,
    "duplicates": 0,
    "leaked": 0,
    "near_leaked": 0,
    "suspect_labels": 0,
}
_EMPTY_REPORT: _Json = {
    "warnings": [],
    "ignored": [],
    "rejected": [],
    "duplicates": [],
    "leaked": [],
    "near_leaked": [],
    "suspect_labels": [],
    "suspect_labels_job_id": None,
    "counts": _NO_COUNTS,
}

INGESTING_DATASET: _Json = {
    "id": DATASET_ID,
    "name": _NAME,
    "status": "ingesting",
    "error": None,
    "class_names": [],
    "splits": {},
    "progress": {"stage": "queued", "done": 0, "total": 0},
    "report": _EMPTY_REPORT,
    "digest": None,
    "num_bytes": _NUM_BYTES,
    "val_fraction": 0.2,
    "split_seed": 0,
    "metadata": {"team": "ants"},
    "created_at": _UPLOADED_AT,
}
READY_DATASET: _Json = INGESTING_DATASET | {
    "status": "ready",
    "class_names": ["ants", "bees"],
    "splits": {
        "train": {"num_images": 244, "per_class": {"ants": 123, "bees": 121}},
        "val": {"num_images": 153, "per_class": {"ants": 70, "bees": 83}},
    },
    "progress": {"stage": "done", "done": _NUM_BYTES, "total": _NUM_BYTES},
    "report": _EMPTY_REPORT | {"counts": _NO_COUNTS | {"images": 397}},
    "digest": "5603965946b2df48945214372b04ed27ba7bc781febc710b5253ca9de58942ce",
}

QUEUED_JOB: _Json = {
    "id": JOB_ID,
    "status": "queued",
    "is_terminal": False,
    "dataset_id": DATASET_ID,
    "study_id": None,
    "trial": None,
    "config": _CONFIG.model_dump(mode="json"),
    "attempts": 0,
    "resolved": None,
    "progress": {
        "stage": "queued",
        "epoch": 0,
        "epochs": _CONFIG.epochs,
        "step": 0,
        "steps": 0,
        "images_per_second": None,
        "eta_seconds": None,
        "budget_used_seconds": None,
    },
    "best": None,
    "error": None,
    "model": None,
    "environment": None,
    "metadata": {},
    "created_at": _CREATED_AT,
    "started_at": None,
    "finished_at": None,
}
RUNNING_JOB: _Json = QUEUED_JOB | {
    "status": "running",
    "attempts": 1,
    "resolved": {
        "device": "cpu",
        "num_parameters": 736_450,
        "num_trainable_parameters": 1026,
        "num_train_images": 244,
        "num_val_images": 153,
        "steps_per_epoch": 31,
        "precision": "fp32",
        "images_cached": False,
        "images_on": "host",
        "num_processes": 1,
        "head_start": None,
        "config": None,
        "advice": None,
    },
    "progress": {
        "stage": "training",
        "epoch": 3,
        "epochs": _CONFIG.epochs,
        "step": 20,
        "steps": _NUM_STEPS,
        "images_per_second": 41.5,
        "eta_seconds": 38.0,
        "budget_used_seconds": None,
    },
    "best": {"epoch": 2, "val_accuracy": 0.928, "val_balanced_accuracy": 0.925, "val_loss": 0.23},
    "environment": {"device": "cpu", "num_threads": 2, "seed": 0},
    "started_at": _STARTED_AT,
}
CANCELLING_JOB: _Json = RUNNING_JOB | {"status": "cancelling"}
RESUMED_JOB: _Json = RUNNING_JOB | {"status": "queued"}
SUCCEEDED_JOB: _Json = RUNNING_JOB | {
    "status": "succeeded",
    "is_terminal": True,
    "progress": {
        "stage": "done",
        "epoch": _CONFIG.epochs,
        "epochs": _CONFIG.epochs,
        "step": _NUM_STEPS,
        "steps": _NUM_STEPS,
        "images_per_second": 41.5,
        "eta_seconds": 0.0,
        "budget_used_seconds": None,
    },
    "best": {"epoch": 5, "val_accuracy": 0.935, "val_balanced_accuracy": 0.931, "val_loss": 0.21},
    "model": _VERSION,
    "finished_at": _FINISHED_AT,
}

_CONFIGURATIONS = {
    "pretrained": {},
    "scratch": {"strategy": "scratch", "weights": "none"},
}
STUDY: _Json = {
    "id": STUDY_ID,
    "name": "pretrained-against-scratch",
    "status": "running",
    "is_terminal": False,
    "dataset_id": DATASET_ID,
    "base": {"architecture": "squeezenet1_0", "epochs": 5},
    "seeds": [0],
    "search": None,
    "progress": {
        "runs": 2,
        "queued": 2,
        "running": 0,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 0,
    },
    "search_progress": None,
    "metadata": {},
    "created_at": _CREATED_AT,
    "finished_at": None,
    "best_so_far": [],
    "ranking": [
        {
            "rank": None,
            "trial": trial,
            "name": name,
            "changes": changes,
            "origin": None,
            "bracket": None,
            "problem": None,
            "best_val_accuracy": None,
            "best_val_balanced_accuracy": None,
            "last_val_accuracy": None,
            "is_tied_with_best": None,
            "runs": [
                {
                    "job_id": f"{JOB_ID[:-1]}{trial}",
                    "seed": 0,
                    "status": "queued",
                    "is_pruned": False,
                    "best_epoch": None,
                    "best_val_accuracy": None,
                    "best_val_balanced_accuracy": None,
                    "last_val_accuracy": None,
                }
            ],
        }
        for trial, (name, changes) in enumerate(_CONFIGURATIONS.items(), 1)
    ],
}
_DETAILS = {"ranking", "best_so_far"}
STUDY_SUMMARY: _Json = {name: value for name, value in STUDY.items() if name not in _DETAILS}
CANCELLED_STUDY: _Json = STUDY | {
    "status": "finished",
    "is_terminal": True,
    "progress": STUDY["progress"] | {"queued": 0, "cancelled": 2},
    "finished_at": _STARTED_AT,
    "ranking": [
        one | {"runs": [run | {"status": "cancelled"} for run in one["runs"]]}
        for one in STUDY["ranking"]
    ],
}

QUEUED_BATCH: _Json = {
    "id": "pred_01k0w1rhzemcbybsywa1w8p9",
    "status": "queued",
    "is_terminal": False,
    "model": _VERSION,
    "dataset_id": DATASET_ID,
    "split": "val",
    "options": {"top_k": 5, "logits": False, "coverage": None},
    "progress": {"stage": "queued", "done": 0, "total": 0},
    "counts": None,
    "accuracy": None,
    "error": None,
    "metadata": {},
    "created_at": _CREATED_AT,
    "finished_at": None,
}
CANCELLED_BATCH: _Json = QUEUED_BATCH | {
    "status": "cancelled",
    "is_terminal": True,
    "finished_at": _STARTED_AT,
}
SUCCEEDED_BATCH: _Json = QUEUED_BATCH | {
    "status": "succeeded",
    "is_terminal": True,
    "progress": {"stage": "done", "done": 153, "total": 153},
    "counts": {"images": 153, "failed": 0, "per_label": {"ants": 71, "bees": 82}},
    "accuracy": 0.935,
    "finished_at": _FINISHED_AT,
}

UNMEASURED_VALIDATION: _Json = {
    "is_valid": True,
    "config": _CONFIG.model_dump(mode="json"),
    "num_parameters": 736_450,
    "num_trainable_parameters": 1026,
    "memory": {
        "parameter_bytes": 2_945_800,
        "gradient_bytes": 4104,
        "optimizer_bytes": 8208,
    },
    "estimated_seconds": None,
    "measured": None,
    "problems": [],
}
MEASURED_VALIDATION: _Json = UNMEASURED_VALIDATION | {
    "measured": {
        "device": "cpu",
        "fits": True,
        "fitting_batch_size": 64,
        "train_seconds_per_image": 0.0291,
        "eval_seconds_per_image": 0.0094,
        "peak_memory_bytes": 412_090_368,
        "available_memory_bytes": 8_213_716_992,
        "estimated_seconds": 41.7,
    }
}

PREDICTION: _Json = {
    "model": _VERSION,
    "predictions": [
        {"label": "ants", "probability": 0.97, "logit": None},
        {"label": "bees", "probability": 0.03, "logit": None},
    ],
    "prediction_set": None,
    "novelty": {"score": 0.31, "limit": 0.55, "is_novel": False},
    "explanation": None,
    "inference_ms": 23.4,
}


def make_pending(kind: str) -> _Json:
    """Return an analysis of a kind that a worker has not finished."""
    return {"id": "inq_01k0w1rhzemcbybsywa1w8p9", "kind": kind, "status": "waiting"}


def make_page(example: _Json) -> _Json:
    """Return a page that has only this resource."""
    return {
        "object": "list",
        "data": [example],
        "first_id": example["id"],
        "last_id": example["id"],
        "has_more": False,
    }
