"""Convert a job from its row to a response."""

from sqlalchemy.orm import Session

from app.db.tables import Job
from app.jobs.best import find_best
from app.jobs.schemas import JobError, JobView, Progress, RegisteredModel
from app.jobs.states import TERMINAL
from app.recipes.schemas import JobConfig


def view_job(session: Session, job: Job) -> JobView:
    """Return the response for a job."""
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
            "best": find_best(session, job),
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
