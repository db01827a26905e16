"""Register versions and datasets, and store evaluations, without real models or images."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from app.analyses import service as analyses
from app.db.base import new_id
from app.db.session import Database
from app.db.tables import AnalysisRequest, ModelVersion
from app.db.tenancy import DEFAULT_TENANT
from app.evaluations.schemas import EvaluationFigures, EvaluationResult
from app.tasks import service as work
from tests.datasets import add_dataset
from tests.models import CLASS_NAMES, register_file
from worker.training.evaluation.figures import measure_split
from worker.training.evaluation.scored import Scored

SPLITS = {
    "train": {"num_images": 16},
    "val": {"num_images": 8},
    "test": {"num_images": 8},
}


def register_versions(
    database: Database, count: int, name: str = "ants", *, dataset_digest: str | None = None
) -> list[int]:
    """Register versions, each with its own checkpoint key; returns their numbers."""
    versions = []
    for _ in range(count):
        key = f"jobs/{new_id('job')}/model.safetensors"
        versions.append(register_file(database, name, key))
        with database.transaction() as session:
            row = session.get_one(ModelVersion, (DEFAULT_TENANT, name, versions[-1]))
            row.dataset_digest = dataset_digest
    return versions


def add_labelled_dataset(database: Database, status: str = "ready", **columns: Any) -> str:
    """Add a dataset with the classes of registered versions, but without image files."""
    labelled = {
        "class_names": list(CLASS_NAMES),
        "splits": SPLITS,
        "digest": "d" * 64,
        "manifest_key": "datasets/1/manifest.jsonl",
    }
    return add_dataset(database, status, **labelled | columns)


def make_result(targets: Sequence[int], predicted: Sequence[int]) -> dict[str, Any]:
    """Return the result that a worker stores for these predictions."""
    logits = torch.zeros(len(targets), len(CLASS_NAMES))
    logits[torch.arange(len(targets)), torch.tensor(predicted)] = 1.0
    ids = list(range(1, len(targets) + 1))
    scored = Scored(ids, [f"{number}.jpg" for number in ids], torch.tensor(targets), logits)
    figures = EvaluationFigures(
        **dict(measure_split(CLASS_NAMES, scored)), calibration_error=0.1, log_loss=0.5
    )
    result = EvaluationResult(figures=figures, targets=list(targets), predicted=list(predicted))
    return result.model_dump(mode="json")


def finish_evaluations(
    database: Database, targets: Sequence[int], predicted: Mapping[int, Sequence[int]]
) -> int:
    """Finish all queued evaluations with each version's predictions; returns their number."""
    count = 0
    while True:
        with database.transaction() as session:
            lease = work.claim(session, "predict", "me")
            if lease is None:
                return count
            parameters = session.get_one(AnalysisRequest, lease.subject_id).parameters
            rows = [
                session.get_one(ModelVersion, (DEFAULT_TENANT, "ants", number))
                for number in predicted
            ]
            (version,) = (
                row.version
                for row in rows
                if (row.checkpoint_key, row.quantized_key)
                == (parameters["checkpoint_key"], parameters["quantized_key"])
            )
            result = make_result(targets, predicted[version])
            analyses.complete(session, lease.subject_id, result)
            work.finish(session, lease)
            count += 1
