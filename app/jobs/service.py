"""Create, get, list, cancel, stop, resume and delete jobs."""

from collections.abc import Collection, Mapping
from typing import cast

from sqlalchemy.orm import Session

from app.access import audit
from app.advice.service import request_advice
from app.datasets.repository import DatasetRepository
from app.db.base import new_id, now
from app.db.lookups import JobLabel
from app.db.tables import Dataset, Job, ModelVersion
from app.errors import Conflict, IllegalTransition
from app.jobs.events import append_event
from app.jobs.repository import JobRepository
from app.jobs.schemas import CheckpointKind, Progress
from app.jobs.states import RESUMABLE, TERMINAL, Status, check_transition
from app.ml.recipe import is_decided
from app.recipes.defaults import BaseModelFacts
from app.recipes.schemas import JobConfig, JobRequest
from app.recipes.service import get_usable_dataset, resolve_new
from app.settings import Settings
from app.tasks import service as work
from app.tenants.service import require_job


def resolve_request(
    session: Session, request: JobRequest, settings: Settings
) -> tuple[JobConfig, Dataset, BaseModelFacts | None]:
    """Resolve a request: its configuration, its dataset, its base model.

    Raises NotFound for an unknown dataset, model or job, DatasetInvalid, ValidationFailed.
    """
    if request.clone_of is not None:
        return _resolve_clone(session, request.clone_of, request)
    return resolve_new(session, request, settings)


def _resolve_clone(
    session: Session, job_id: str, request: JobRequest
) -> tuple[JobConfig, Dataset, BaseModelFacts | None]:
    """Resolve to the configuration of an earlier job, with its `auto` values as decided then."""
    job = JobRepository(session).get(job_id)
    config = JobRepository(session).get_decided_config(job_id)
    if not is_decided(config):
        raise Conflict(
            f"{job_id} cannot be cloned yet: its `auto` values have not been decided. Try again "
            "once it has started."
        )
    base = get_base_model(job, config)
    changes: dict[str, object] = {"time_budget_seconds": None}  # what it decided is decided
    if request.model_name is not None:
        changes["model_name"] = request.model_name
    config = config.model_copy(update=changes)
    return config, get_usable_dataset(session, job.dataset_id), base


def get_base_model(job: Job, config: JobConfig) -> BaseModelFacts | None:
    """Return the registered model that a job starts from, pinned when the job was created."""
    if job.base_model_key is None:
        return None
    return BaseModelFacts(
        reference=config.weights,
        architecture=config.architecture,
        input_size=int(config.input_size),
        checkpoint_key=job.base_model_key,
    )


def create_job(
    session: Session,
    request: JobRequest,
    settings: Settings,
    *,
    study_id: str | None = None,
    trial: int | None = None,
) -> Job:
    """Queue a training job; it starts once its dataset is ready. A study passes its trial.

    Raises what `resolve_request` does, and QuotaExceeded.
    """
    config, dataset, base = resolve_request(session, request, settings)
    require_job(session, settings)
    job = Job(
        id=new_id("job"),
        dataset_id=config.dataset_id,
        study_id=study_id,
        trial=trial,
        status="queued",
        request=request.model_dump(mode="json", exclude_unset=True),
        config=config.model_dump(mode="json"),
        progress=Progress(epochs=None if config.epochs == "auto" else config.epochs).model_dump(),
        attempts=0,
        resume_epoch=0,
        base_model_key=base.checkpoint_key if base else None,
        model_name=config.model_name,
        event_number=0,
        labels=request.metadata,
    )
    session.add(job)
    append_event(session, job, "queued", waits_for_dataset=dataset.status == "ingesting")
    session.add_all(JobLabel(job_id=job.id, key=k, value=v) for k, v in job.labels.items())
    _enqueue(session, job, dataset)
    return job


def get_job(session: Session, job_id: str) -> Job:
    """Return the job; raises NotFound."""
    return JobRepository(session).get(job_id)


def list_jobs(  # noqa: PLR0913 - the filters of the list, by keyword
    session: Session,
    *,
    limit: int,
    after: str | None,
    statuses: Collection[Status],
    dataset_id: str | None,
    study_id: str | None,
    model_name: str | None,
    text: str | None,
    labels: Mapping[str, str],
) -> tuple[list[Job], bool]:
    """Return a page of jobs, newest first, and whether there are more."""
    jobs = JobRepository(session).list_page(
        limit=limit,
        after=after,
        statuses=statuses,
        dataset_id=dataset_id,
        study_id=study_id,
        model_name=model_name,
        text=text,
        labels=labels,
    )
    return list(jobs[:limit]), len(jobs) > limit


def cancel_job(session: Session, job_id: str) -> Job:
    """Cancel a job; no model is registered. Raises IllegalTransition if it is terminal."""
    item = work.lock_unfinished(session, job_id)
    job = JobRepository(session).get(job_id, lock=True)
    if job.status == "cancelling":
        return job
    if item is None:
        raise IllegalTransition(f"A {job.status} job cannot be cancelled: it has ended.")
    if work.request_cancel(session, item):
        change_status(session, job, "cancelled", reason="cancelled before it started")
    else:
        change_status(session, job, "cancelling")
    return job


def stop_job(session: Session, job_id: str) -> Job:
    """Stop a job after its current epoch and register the best; a queued job is cancelled."""
    item = work.lock_unfinished(session, job_id)
    job = JobRepository(session).get(job_id, lock=True)
    if item is None or job.status not in {"queued", "running"}:
        raise IllegalTransition(
            f"A {job.status} job cannot be stopped; only queued and running jobs can."
        )
    if work.request_stop(session, item):
        change_status(session, job, "cancelled", reason="stopped before it started")
    else:
        append_event(session, job, "stop_requested")
    return job


def resume_job(session: Session, job_id: str, settings: Settings) -> Job:
    """Queue a failed or cancelled job again; it continues after its last epoch.

    Raises IllegalTransition from any other state, NotFound if its dataset has been deleted, and
    QuotaExceeded.
    """
    jobs = JobRepository(session)
    dataset = DatasetRepository(session).get(jobs.get(job_id).dataset_id, share_lock=True)
    job = jobs.get(job_id, lock=True)
    if job.status not in RESUMABLE:
        allowed = " or ".join(sorted(RESUMABLE))
        raise IllegalTransition(f"A {job.status} job cannot be resumed; only a {allowed} one can.")
    require_job(session, settings)
    change_status(session, job, "queued", event="resumed", from_epoch=job.resume_epoch)
    job.error_code = job.error_message = job.finished_at = None
    _enqueue(session, job, dataset)
    return job


def delete_job(session: Session, job_id: str) -> list[str]:
    """Delete a finished job; its registered model stays. Raises IllegalTransition otherwise.

    Returns the storage keys that are unreferenced after the commit.
    """
    jobs = JobRepository(session)
    job = jobs.get(job_id, lock=True)
    if job.status not in TERMINAL:
        raise IllegalTransition(f"A {job.status} job cannot be deleted; cancel it first.")
    predictions_key = jobs.find_predictions_key(job_id)
    session.delete(job)
    audit.record(session, "job.deleted", job_id, details={"model_name": job.model_name})
    return [predictions_key] if predictions_key else []


def change_status(
    session: Session, job: Job, status: Status, *, event: str | None = None, **payload: object
) -> None:
    """Change a job's status and append the event; raises IllegalTransition if not allowed."""
    check_transition(cast("Status", job.status), status)
    job.status = status
    if status in TERMINAL:
        job.finished_at = now()
    append_event(session, job, event or status, **payload)


def list_checkpoint_files(session: Session, job_id: str) -> list[tuple[CheckpointKind, int, str]]:
    """Return (kind, epoch, storage key) of a job's stored checkpoints."""
    job = JobRepository(session).get(job_id)
    files: list[tuple[CheckpointKind, int, str | None]] = [
        ("resume", job.resume_epoch, job.state_key),
        ("best", job.best_epoch or 0, job.best_key),
    ]
    if job.model_version is not None:
        model = session.get(ModelVersion, (job.tenant, job.model_name, job.model_version))
        files.append(("model", job.best_epoch or 0, model.checkpoint_key if model else None))
    return [(kind, epoch, key) for kind, epoch, key in files if key]


def _enqueue(session: Session, job: Job, dataset: Dataset) -> None:
    """Queue the job after its dataset, or after the advice that decides its `auto` values.

    With a time budget, the job itself decides these.
    """
    config = JobRepository(session).get_decided_config(job.id)
    waits_for = dataset.id
    if not is_decided(config) and config.time_budget_seconds is None:
        request, base = JobRequest.model_validate(job.request), get_base_model(job, config)
        waits_for = request_advice(session, request, config, dataset, base, retry_failed=True).id
    work.enqueue(session, queue="train", kind="train", subject_id=job.id, waits_for=waits_for)
