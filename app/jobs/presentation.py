"""Jobs as their readers see them."""

import csv
import io
from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.db.tables import Dataset, Epoch, Job
from app.errors import ReportNotReady
from app.jobs.history_schemas import EpochRow, EventView, History
from app.jobs.report_schemas import JobReportView, Report
from app.jobs.repository import JobRepository
from app.jobs.schemas import Best, JobConfig, JobError, JobView, Progress, RegisteredModel
from app.jobs.states import TERMINAL

_THUMBNAIL_PIXELS = 128


def view_job(session: Session, job: Job) -> JobView:
    """The whole job."""
    best = JobRepository(session).find_epoch(job.id, job.best_epoch)
    return JobView.model_validate(
        {
            "id": job.id,
            "status": job.status,
            "is_terminal": job.status in TERMINAL,
            "dataset_id": job.dataset_id,
            "study_id": job.study_id,
            "trial": job.trial,
            "config": JobConfig.model_validate(job.config),
            "attempts": job.attempts,
            "resolved": job.resolved,
            "progress": Progress.model_validate(job.progress),
            "best": Best(epoch=best.epoch, val_accuracy=best.val_accuracy, val_loss=best.val_loss)
            if best
            else None,
            "error": JobError(code=job.error_code, message=job.error_message or "")
            if job.error_code
            else None,
            "model": RegisteredModel(name=job.model_name, version=job.model_version)
            if job.model_version
            else None,
            "environment": job.environment,
            "metadata": job.labels,
            "created_at": job.created_at,
            "started_at": job.started_at,
            "finished_at": job.finished_at,
        }
    )


def view_history(session: Session, job: Job) -> History:
    """Every finished epoch in order."""
    rows = JobRepository(session).list_epochs(job.id)
    return History(job_id=job.id, data=[_view_epoch(row, job.best_epoch) for row in rows])


def read_report(session: Session, job: Job) -> Report:
    """What the job's training process found; raises ReportNotReady where there is none."""
    row = JobRepository(session).find_report(job.id)
    if row is None:
        raise ReportNotReady(
            f"{job.id} is {job.status}; a report is made when a job succeeds."
            if job.status != "succeeded"
            else f"{job.id} was finished before reports were made."
        )
    return Report.model_validate(row.report)


def view_report(session: Session, job: Job) -> JobReportView:
    """The job's report, its pictures linked; raises ReportNotReady where there is none."""
    report = read_report(session, job)
    if session.get(Dataset, job.dataset_id) is not None:
        for mistake in report.mistakes:
            images = f"/datasets/{job.dataset_id}/images"
            mistake.thumbnail_url = f"{images}/{mistake.image_id}?size={_THUMBNAIL_PIXELS}"
    return JobReportView(**dict(report), job_id=job.id)


def view_events(session: Session, job_id: str, *, after: int, limit: int) -> list[EventView]:
    """A job's events behind a number, in order."""
    events = JobRepository(session).list_events(job_id, after=after, limit=limit)
    return [EventView.model_validate(event) for event in events]


def write_csv(rows: Sequence[EpochRow]) -> str:
    """A history as comma-separated values with a header line (RFC 4180)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(EpochRow.model_fields))
    writer.writeheader()
    writer.writerows(row.model_dump() for row in rows)
    return text.getvalue()


def _view_epoch(row: Epoch, best_epoch: int | None) -> EpochRow:
    columns = {name: getattr(row, name) for name in EpochRow.model_fields if name != "is_best"}
    return EpochRow(**columns, is_best=row.epoch == best_epoch)
