"""Get the report of a job."""

from sqlalchemy.orm import Session

from app.datasets.thumbnail_names import thumbnail_url
from app.db.tables import Dataset, Job
from app.errors import ReportNotReady
from app.jobs.report_schemas import Report
from app.jobs.repository import JobRepository
from app.reports.schemas import JobReportView


def get_report(session: Session, job: Job) -> Report:
    """Return the report that the training process stored; raises ReportNotReady."""
    row = JobRepository(session).find_report(job.id)
    if row is None:
        raise ReportNotReady(
            f"{job.id} is {job.status}; only a succeeded job has a report."
            if job.status != "succeeded"
            else f"{job.id} has no report, because it ended before this service wrote reports."
        )
    return Report.model_validate(row.report)


def view_report(session: Session, job: Job) -> JobReportView:
    """Return the job's report with links to thumbnails; raises ReportNotReady."""
    report = get_report(session, job)
    if session.get(Dataset, job.dataset_id) is not None:
        for mistake in report.mistakes:
            mistake.thumbnail_url = thumbnail_url(job.dataset_id, mistake.image_id)
    return JobReportView(**dict(report), job_id=job.id)
