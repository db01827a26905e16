"""Complete analyses in tests without a worker."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.analyses import service as analyses
from app.db.session import Database
from app.db.tables import AnalysisRequest
from app.tasks import service as work
from app.tasks.notifications import QUEUES
from app.tasks.service import Lease


def share(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.05, "high": value + 0.05}


def probe(stage: str, value: float) -> dict[str, Any]:
    return {"stage": stage, "num_features": 512, "accuracy": share(value), "l2_strength": 0.1}


ADVICE: dict[str, Any] = {
    "architecture": "resnet18",
    "strategy": "partial",
    "trainable_from": "layer4",
    "stage": "layer3",
    "expected_accuracy": share(0.9),
    "expected_seconds": 20.0,
    "reason": "8 images per class are few.",
    "measurements": {
        "num_images": 16,
        "per_class": {"amber": 8, "blue": 8},
        "imbalance": 1.0,
        "images_per_class": 8.0,
        "size": "few",
        "similarity": "unlike",
        "num_images_probed": 16,
        "late": probe("layer4", 0.8),
        "early": probe("layer3", 0.9),
        "gap": {"value": -0.1, "low": -0.2, "high": 0.0},
        "accuracy_with_half": 0.75,
        "device": "cpu",
        "seconds_per_image": {"decoding": 0.001, "forward": 0.01, "step": {"partial": 0.02}},
        "expected_seconds": {"partial": 20.0},
        "candidates": [],
    },
}

DRY_RUN: dict[str, Any] = {
    "device": "cpu",
    "fits": True,
    "fitting_batch_size": 8,
    "train_seconds_per_image": 0.02,
    "eval_seconds_per_image": 0.01,
    "peak_memory_bytes": 1_000_000,
    "available_memory_bytes": 9_000_000,
    "estimated_seconds": 12.5,
}


def list_analyses(database: Database) -> list[AnalysisRequest]:
    with database.reading() as session:
        return list(session.scalars(select(AnalysisRequest).order_by(AnalysisRequest.id)))


def claim_any(session: Session) -> Lease | None:
    """Lease the oldest item of the first queue that has one."""
    leases = (work.claim(session, queue, "me") for queue in QUEUES)
    return next((lease for lease in leases if lease), None)


def complete_waiting_analysis(database: Database, result: dict[str, Any]) -> None:
    """Complete the only waiting analysis under a lease, as a worker does."""
    with database.transaction() as session:
        lease = claim_any(session)
        assert lease is not None
        assert lease.subject_id.startswith("inq_")
        analyses.complete(session, lease.subject_id, result)
        work.finish(session, lease)


def fail_waiting_analysis(database: Database, code: str, message: str) -> None:
    """Fail the only waiting analysis under a lease, as a worker does."""
    with database.transaction() as session:
        lease = claim_any(session)
        assert lease is not None
        analyses.fail(session, lease.subject_id, code, message)
        work.finish(session, lease)
