"""SQL queries for jobs, their epochs, events and reports."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from app.db.lookups import JobLabel
from app.db.search import matches, select_newest
from app.db.tables import Epoch, Job, JobEvent, JobReport
from app.errors import NotFound
from app.recipes.schemas import JobConfig

_NUM_MEASURED_JOBS = 500
_NUM_SIMILAR_JOBS = 20
_NUM_MEASURED_EPOCHS = 20
"""Bounds of what an estimate of a job's time reads."""
JobState = tuple[str, str, int, dict[str, Any]]
"""A job's id, status, number of its newest event, and progress."""


class JobRepository:
    """Jobs with their epochs, events and reports."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, job_id: str, *, lock: bool = False) -> Job:
        """Return the job; raises NotFound. `lock` locks its row."""
        query = select(Job).where(Job.id == job_id)
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        job = self.session.scalar(query)
        if job is None:
            raise NotFound(f"There is no job '{job_id}'.")
        return job

    def get_decided_config(self, job_id: str) -> JobConfig:
        """Return a job's configuration, with `auto` values as they were decided at the start."""
        job = self.get(job_id)
        return JobConfig.model_validate(job.config | (job.resolved or {}).get("config", {}))

    def list_page(  # noqa: PLR0913 - the filters of the list, by keyword
        self,
        *,
        limit: int,
        after: str | None,
        statuses: Collection[str],
        dataset_id: str | None,
        study_id: str | None,
        model_name: str | None,
        text: str | None,
        labels: Mapping[str, str],
    ) -> Sequence[Job]:
        """Return the newest first, and one more than `limit` if there is another page.

        text is searched for in model names and at the start of ids.
        """
        conditions: list[ColumnElement[bool]] = []
        key = Job.id
        for name, value in labels.items():
            label = aliased(JobLabel)
            conditions += [label.key == name, label.value == value, label.job_id == Job.id]
            key = label.job_id  # this index has the ids in order
        if after:
            conditions.append(key < after)
        if dataset_id:
            conditions.append(Job.dataset_id == dataset_id)
        if study_id:
            conditions.append(Job.study_id == study_id)
        if model_name:
            conditions.append(Job.model_name == model_name)
        if text:
            # a query of its own, which reads an index and not the wide rows
            found = select(Job.id).where(matches(text, Job.model_name, Job.id))
            conditions.append(Job.id.in_(found))
        if len(statuses) == 1:
            conditions.append(Job.status.in_(statuses))
        elif statuses:
            status = (conditions, Job.status, statuses)
            conditions = [Job.id.in_(select_newest(key, *status, limit=limit + 1))]
            key = Job.id
        query = select(Job).where(*conditions).order_by(key.desc()).limit(limit + 1)
        return self.session.scalars(query).all()

    def list_epochs(self, job_id: str, *, only: Sequence[int] | None = None) -> Sequence[Epoch]:
        """Return the finished epochs of a job, or some of them by number, in order."""
        query = select(Epoch).where(Epoch.job_id == job_id).order_by(Epoch.epoch)
        if only is not None:
            query = query.where(Epoch.epoch.in_(only))
        return self.session.scalars(query).all()

    def list_val_losses(self, job_id: str) -> list[tuple[int, float]]:
        """Return (epoch, validation loss) of every finished epoch, in order."""
        rows = self.session.execute(
            select(Epoch.epoch, Epoch.val_loss).where(Epoch.job_id == job_id).order_by(Epoch.epoch)
        )
        return [(epoch, val_loss) for epoch, val_loss in rows]

    def find_epoch(self, job_id: str, epoch: int | None) -> Epoch | None:
        return self.session.get(Epoch, (job_id, epoch)) if epoch else None

    def find_report(self, job_id: str) -> JobReport | None:
        return self.session.get(JobReport, job_id)

    def find_predictions_key(self, job_id: str) -> str | None:
        """Return the key of the file with the job's predictions of single images."""
        return self.session.scalar(
            select(JobReport.predictions_key).where(JobReport.job_id == job_id)
        )

    def list_events(self, job_id: str, *, after: int, limit: int) -> Sequence[JobEvent]:
        return self.session.scalars(
            select(JobEvent)
            .where(JobEvent.job_id == job_id, JobEvent.event_number > after)
            .order_by(JobEvent.event_number)
            .limit(limit)
        ).all()

    def list_states(self, job_ids: Collection[str]) -> list[JobState]:
        """Return id, status, newest event's number and progress of those jobs that exist."""
        columns = select(Job.id, Job.status, Job.event_number, Job.progress)
        rows = self.session.execute(columns.where(Job.id.in_(job_ids)))
        return [(job_id, status, newest, progress) for job_id, status, newest, progress in rows]

    def mean_epoch_seconds_per_image(
        self, architecture: str, strategy: str, input_size: int
    ) -> float | None:
        """Return the mean epoch seconds per image of earlier jobs with the same configuration.

        Only the first epochs of the newest jobs that have succeeded count, so that the cost does
        not grow with the number of jobs.
        """
        newest = (
            select(Job.id, Job.config)
            .where(Job.status == "succeeded")
            .order_by(Job.id.desc())
            .limit(_NUM_MEASURED_JOBS)
            .subquery()
        )
        similar = (
            select(newest.c.id)
            .where(
                newest.c.config["architecture"].as_string() == architecture,
                newest.c.config["strategy"].as_string() == strategy,
                newest.c.config["input_size"].as_integer() == input_size,
            )
            .order_by(newest.c.id.desc())
            .limit(_NUM_SIMILAR_JOBS)
        )
        rate: float | None = self.session.scalar(
            select(func.avg(1.0 / Epoch.images_per_second)).where(
                Epoch.job_id.in_(similar),
                Epoch.epoch <= _NUM_MEASURED_EPOCHS,
                Epoch.images_per_second > 0,
            )
        )
        return rate
