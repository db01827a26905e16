"""Record what a worker reports about a job, in transactions that hold its lease."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.datasets import service as datasets
from app.db.base import now
from app.db.tables import Dataset, Epoch, Job, JobReport
from app.jobs.best import find_best, find_head_start
from app.jobs.events import append_event
from app.jobs.report_schemas import Report
from app.jobs.repository import JobRepository
from app.jobs.schemas import ResolvedTraining
from app.jobs.service import change_status
from app.ml.recipe import decide
from app.models.schemas import Calibration
from app.models.service import register_version

EPOCH_METRICS = (
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "val_balanced_accuracy",
    "learning_rate",
    "seconds",
    "images_per_second",
)


def begin_attempt(session: Session, job_id: str, attempt: int) -> Job:
    """Record that a worker has claimed the job."""
    job = JobRepository(session).get(job_id, lock=True)
    job.attempts = attempt
    job.started_at = job.started_at or now()
    change_status(session, job, "running", attempt=attempt, from_epoch=job.resume_epoch)
    return job


def record_start(
    session: Session, job_id: str, resolved: ResolvedTraining, environment: dict[str, object]
) -> None:
    """Record what the training process determined at its start.

    If the training starts from a solved head, that head is the best epoch (0) until an epoch is
    better.
    """
    job = JobRepository(session).get(job_id, lock=True)
    values = resolved.model_dump(mode="json")
    job.resolved = (job.resolved or {}) | values
    job.environment = environment
    if job.best_epoch is None and find_head_start(job) is not None:
        job.best_epoch = 0
    append_event(session, job, "started", resolved=values)


def record_progress(session: Session, job_id: str, progress: dict[str, object]) -> None:
    """Record the progress within an epoch; it is not stored as an event."""
    job = JobRepository(session).get(job_id, lock=True)
    job.progress = progress


def record_epochs(  # noqa: PLR0913 - the parts of one checkpoint
    session: Session,
    job_id: str,
    rows: Sequence[Epoch],
    *,
    improved: Sequence[int],
    state_key: str,
    best_key: str,
) -> list[str]:
    """Record epochs, and the checkpoint that was written after the last of them.

    improved are the numbers of the epochs that had the best validation accuracy when they ended.
    Returns the storage keys that are no longer referenced.
    """
    job = JobRepository(session).get(job_id, lock=True)
    superseded = {job.state_key, job.best_key} - {state_key, best_key, None}
    job.best_epoch = max(improved, default=job.best_epoch)
    job.resume_epoch = rows[-1].epoch
    job.state_key = state_key
    job.best_key = best_key
    job.progress = job.progress | {"epoch": rows[-1].epoch, "step": job.progress["steps"]}
    session.add_all(rows)
    for row in rows:
        metrics = {name: getattr(row, name) for name in EPOCH_METRICS}
        append_event(
            session, job, "epoch", epoch=row.epoch, **metrics, is_best=row.epoch in improved
        )
    return [key for key in superseded if key]


def complete_job(  # noqa: PLR0913 - the worker's results, by keyword
    session: Session,
    job_id: str,
    *,
    model_key: str,
    model_digest: str,
    num_bytes: int,
    report: Report | None,
    trust_key: str | None,
    predictions_key: str | None,
) -> list[str]:
    """Register the best checkpoint as the next version of the job's model, unless it was cancelled.

    Stores the report, and adds the suspected label errors to the dataset's report. Returns the
    storage keys that are no longer referenced.
    """
    jobs = JobRepository(session)
    # every transaction locks the dataset before the job; another order could deadlock
    dataset = datasets.get_dataset(session, jobs.get(job_id).dataset_id, lock=True)
    job = jobs.get(job_id, lock=True)
    if job.status == "cancelling":
        change_status(session, job, "cancelled")
        return [key for key in (model_key, trust_key, predictions_key) if key]
    recipe = decide(jobs.get_decided_config(job_id))
    best = find_best(session, job)
    if best is None:
        raise ValueError(f"{job_id} finished without an epoch")
    job.model_version = register_version(
        session,
        name=job.model_name,
        job_id=job.id,
        checkpoint_key=model_key,
        digest=model_digest,
        dataset_digest=dataset.digest,
        num_bytes=num_bytes,
        architecture=recipe.architecture,
        class_names=dataset.class_names,
        input_size=recipe.input_size,
        val_accuracy=best.val_accuracy,
        val_balanced_accuracy=best.val_balanced_accuracy,
        trust_key=trust_key,
        calibration=Calibration(
            temperature=report.calibration.temperature, num_images=report.num_images
        )
        if report and trust_key
        else None,
    )
    if report is not None:
        session.add(
            JobReport(
                job_id=job.id,
                report=report.model_dump(mode="json"),
                predictions_key=predictions_key,
            )
        )
        _record_label_errors(dataset, job, report)
    superseded = [key for key in (job.state_key, job.best_key) if key]
    job.state_key = job.best_key = None
    change_status(
        session, job, "succeeded", model={"name": job.model_name, "version": job.model_version}
    )
    return superseded


def _record_label_errors(dataset: Dataset, job: Job, report: Report) -> None:
    check = report.label_check
    if check.suspects is not None:
        datasets.record_label_errors(
            dataset, check.suspects, num_label_errors=check.num_suspects, job_id=job.id
        )


def fail_job(session: Session, job_id: str, code: str, message: str) -> None:
    """Mark the job as failed with the reason, or as cancelled if that was requested."""
    job = JobRepository(session).get(job_id, lock=True)
    if job.status == "cancelling":
        change_status(session, job, "cancelled")
        return
    job.error_code, job.error_message = code, message
    change_status(session, job, "failed", error={"code": code, "message": message})


def requeue_job(session: Session, job_id: str, reason: str) -> bool:
    """Queue the job again after a lost lease, a crash or a drain.

    If cancellation was requested, marks the job as cancelled and returns False.
    """
    job = JobRepository(session).get(job_id, lock=True)
    if job.status == "cancelling":
        change_status(session, job, "cancelled")
        return False
    change_status(
        session, job, "queued", event="requeued", reason=reason, from_epoch=job.resume_epoch
    )
    return True
