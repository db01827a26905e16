"""SQL queries for jobs, their epochs, events and reports."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.search import matches
from app.db.tables import Epoch, Job, JobEvent, JobReport
from app.errors import NotFound
from app.recipes.schemas import JobConfig


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
        query = select(Job).order_by(Job.id.desc()).limit(limit + 1)
        if after:
            query = query.where(Job.id < after)
        if statuses:
            query = query.where(Job.status.in_(statuses))
        if dataset_id:
            query = query.where(Job.dataset_id == dataset_id)
        if study_id:
            query = query.where(Job.study_id == study_id)
        if model_name:
            query = query.where(Job.model_name == model_name)
        if text:
            # a query of its own, which reads an index and not the wide rows
            found = select(Job.id).where(matches(text, Job.model_name, Job.id))
            query = query.where(Job.id.in_(found))
        for key, value in labels.items():
            query = query.where(Job.labels[key].as_string() == value)
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

    def mean_epoch_seconds_per_image(
        self, architecture: str, strategy: str, input_size: int
    ) -> float | None:
        """Return the mean epoch seconds per image of earlier jobs with the same configuration."""
        rate: float | None = self.session.scalar(
            select(func.avg(1.0 / Epoch.images_per_second))
            .join(Job, Job.id == Epoch.job_id)
            .where(
                Job.config["architecture"].as_string() == architecture,
                Job.config["strategy"].as_string() == strategy,
                Job.config["input_size"].as_integer() == input_size,
                Epoch.images_per_second > 0,
            )
        )
        return rate
