"""Figures that stand in SQL, read anew at every scrape: jobs, the work queue, models, batches.

They are the service's, not one process's: every API process tells the same, so a dashboard takes
their maximum and not their sum.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.batches.schemas import Status as BatchStatus
from app.datasets.schemas import DatasetStatus
from app.db.base import now
from app.db.session import Database
from app.db.tables import Dataset, Job, Model, ModelVersion, PredictionBatch, ShadowTally, WorkItem
from app.jobs.states import Status as JobStatus
from app.tasks.notifications import QUEUES

WAITING_OR_RUNNING = ("queued", "running")

log = logging.getLogger(__name__)


class StoredFigures(Collector):
    """A database that is down gives `graft_database_up 0` and no other figure."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def collect(self) -> Iterator[Metric]:
        figures: list[Metric] = []
        try:
            with self.database.reading() as session:
                figures += _read(session)
        except SQLAlchemyError as error:
            log.warning("a scrape without figures from SQL: %s", type(error).__name__)
        yield _gauge("graft_database_up", "Whether the database answered this scrape.", figures)
        yield from figures


def _read(session: Session) -> Iterator[Metric]:
    yield _count("graft_jobs", "Training jobs.", session, Job.status, get_args(JobStatus))
    yield _count("graft_datasets", "Datasets.", session, Dataset.status, get_args(DatasetStatus))
    yield _count(
        "graft_prediction_batches",
        "Batches of predictions.",
        session,
        PredictionBatch.status,
        get_args(BatchStatus),
    )
    yield from _read_queues(session)
    yield from _read_running_jobs(session)
    for name, help_text, key in (
        ("graft_models", "Names that models are registered under.", Model.name),
        ("graft_model_versions", "Registered versions of all models.", ModelVersion.version),
    ):
        family = GaugeMetricFamily(name, help_text)
        family.add_metric([], session.scalar(select(func.count(key))) or 0)
        yield family
    yield _read_shadows(session)


def _read_queues(session: Session) -> Iterator[Metric]:
    items = GaugeMetricFamily(
        "graft_work_items", "Work items that are not done.", labels=["queue", "status"]
    )
    age = GaugeMetricFamily(
        "graft_work_oldest_queued_seconds",
        "Age of the oldest queued work item, those that wait for another included; 0 for none.",
        labels=["queue"],
    )
    rows = session.execute(
        select(WorkItem.queue, WorkItem.status, func.count(), func.min(WorkItem.created_at))
        .where(WorkItem.status.in_(WAITING_OR_RUNNING))
        .group_by(WorkItem.queue, WorkItem.status)
    )
    found = {(queue, status): (count, oldest) for queue, status, count, oldest in rows}
    moment = now()
    for queue in QUEUES:
        for status in WAITING_OR_RUNNING:
            items.add_metric([queue, status], found.get((queue, status), (0, None))[0])
        _, oldest = found.get((queue, "queued"), (0, moment))
        age.add_metric([queue], max(0.0, (moment - oldest).total_seconds()))
    yield items
    yield age


def _read_running_jobs(session: Session) -> Iterator[Metric]:
    """Labelled by job, of which few run at a time: as many as there are workers."""
    speed = GaugeMetricFamily(
        "graft_job_images_per_second",
        "Training and validation of a running job together.",
        labels=["job_id"],
    )
    done = GaugeMetricFamily(
        "graft_job_progress_ratio", "Share of a running job's epochs, 0 to 1.", labels=["job_id"]
    )
    running = select(Job.id, Job.progress).where(Job.status.in_(["running", "cancelling"]))
    for job_id, progress in session.execute(running):
        if (images_per_second := progress.get("images_per_second")) is not None:
            speed.add_metric([job_id], images_per_second)
        if (share := _share_done(progress)) is not None:
            done.add_metric([job_id], share)
    yield speed
    yield done


def _share_done(progress: Mapping[str, Any]) -> float | None:
    epochs, epoch = progress.get("epochs"), progress.get("epoch") or 0
    if not epochs:
        return None
    within = progress.get("step", 0) / max(1, progress.get("steps", 0)) if epoch else 0.0
    return float(min(1.0, max(0.0, (epoch - 1 + within) / epochs)))


def _read_shadows(session: Session) -> Metric:
    family = CounterMetricFamily(
        "graft_shadow_images",
        "Images that a shadow model was to see: agreed, differed, dropped, failed.",
        labels=["model", "shadow", "outcome"],
    )
    for tally in session.scalars(select(ShadowTally)):
        pair = [f"{tally.name}:{tally.version}", f"{tally.shadow_name}:{tally.shadow_version}"]
        family.add_metric([*pair, "agreed"], tally.num_agreed)
        family.add_metric([*pair, "differed"], tally.num_images - tally.num_agreed)
        family.add_metric([*pair, "dropped"], tally.num_dropped)
        family.add_metric([*pair, "failed"], tally.num_failed)
    return family


def _count(
    name: str,
    help_text: str,
    session: Session,
    status: InstrumentedAttribute[str],
    every_status: tuple[str, ...],
) -> Metric:
    """Rows by status; a status that no row has is 0, for a series that is not there is no zero."""
    family = GaugeMetricFamily(name, help_text, labels=["status"])
    rows = session.execute(select(status, func.count()).group_by(status))
    counts = {row[0]: row[1] for row in rows}
    for each in every_status:
        family.add_metric([each], counts.get(each, 0))
    return family


def _gauge(name: str, help_text: str, figures: list[Metric]) -> Metric:
    family = GaugeMetricFamily(name, help_text)
    family.add_metric([], float(bool(figures)))
    return family
