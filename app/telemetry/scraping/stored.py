"""Collect metrics from SQL at every scrape: jobs, the work queue, models, batches.

They describe the whole service, so every API process reports the same values. A dashboard takes
their maximum, not their sum.
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
from app.db.serving_tables import ShadowTally
from app.db.session import Database
from app.db.tables import Dataset, Job, Model, ModelVersion, PredictionBatch, WorkItem
from app.db.tenancy import EVERY_TENANT, acting_for, name_for_operator
from app.jobs.states import Status as JobStatus
from app.tasks.notifications import QUEUES

WAITING_OR_RUNNING = ("queued", "running")

log = logging.getLogger(__name__)


class StoredMetrics(Collector):
    """The metrics from SQL; only `graft_database_up 0` while the database is down."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def collect(self) -> Iterator[Metric]:
        metrics: list[Metric] = []
        try:
            with acting_for(EVERY_TENANT), self.database.reading() as session:
                metrics += _read(session)
        except SQLAlchemyError as error:
            log.warning("cannot read metrics from SQL: %s", type(error).__name__)
        yield _gauge(
            "graft_database_up", "1 if the database responded to this scrape, else 0.", metrics
        )
        yield from metrics


def _read(session: Session) -> Iterator[Metric]:
    yield _count("graft_jobs", "Training jobs.", session, Job.status, get_args(JobStatus))
    yield _count("graft_datasets", "Datasets.", session, Dataset.status, get_args(DatasetStatus))
    yield _count(
        "graft_prediction_batches",
        "Batch predictions.",
        session,
        PredictionBatch.status,
        get_args(BatchStatus),
    )
    yield from _read_queues(session)
    yield from _read_running_jobs(session)
    for name, help_text, key in (
        ("graft_models", "Registered models.", Model.name),
        ("graft_model_versions", "Registered versions of all models.", ModelVersion.version),
    ):
        family = GaugeMetricFamily(name, help_text)
        family.add_metric([], session.scalar(select(func.count(key))) or 0)
        yield family
    yield _read_shadows(session)


def _read_queues(session: Session) -> Iterator[Metric]:
    items = GaugeMetricFamily(
        "graft_work_items", "Unfinished work items.", labels=["queue", "status"]
    )
    age = GaugeMetricFamily(
        "graft_work_oldest_queued_seconds",
        "Age of the oldest queued work item, including those that wait for another; 0 if none.",
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
    """Yield metrics labelled by job; no more jobs run at a time than there are workers."""
    speed = GaugeMetricFamily(
        "graft_job_images_per_second",
        "Speed of a running job, training and validation together.",
        labels=["job_id"],
    )
    done = GaugeMetricFamily(
        "graft_job_progress_ratio",
        "Finished share of a running job's epochs, 0 to 1.",
        labels=["job_id"],
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
        "Images sent to a shadow model by outcome: agreed, differed, dropped, failed.",
        labels=["model", "shadow", "outcome"],
    )
    for tally in session.scalars(select(ShadowTally)):
        served, shadow = (tally.name, tally.version), (tally.shadow_name, tally.shadow_version)
        pair = [name_for_operator(tally.tenant, f"{name}:{n}") for name, n in (served, shadow)]
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
    """Count rows by status, with 0 for statuses without rows, so that every series exists."""
    family = GaugeMetricFamily(name, help_text, labels=["status"])
    rows = session.execute(select(status, func.count()).group_by(status))
    counts = {row[0]: row[1] for row in rows}
    for each in every_status:
        family.add_metric([each], counts.get(each, 0))
    return family


def _gauge(name: str, help_text: str, metrics: list[Metric]) -> Metric:
    family = GaugeMetricFamily(name, help_text)
    family.add_metric([], float(bool(metrics)))
    return family
