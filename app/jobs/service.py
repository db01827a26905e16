"""What a user can do with jobs: post, look, cancel, stop, resume, delete."""

from collections.abc import Mapping
from typing import cast

from sqlalchemy.orm import Session

from app.advice.service import ask_advice
from app.datasets.repository import DatasetRepository
from app.db.base import new_id, now
from app.db.tables import Dataset, Job, ModelVersion
from app.errors import Conflict, IllegalTransition
from app.jobs.events import append_event
from app.jobs.repository import JobRepository
from app.jobs.schemas import CheckpointKind, Progress
from app.jobs.states import TERMINAL, Status, check_transition
from app.ml.recipe import is_decided
from app.recipes.defaults import BaseModelFacts
from app.recipes.schemas import JobConfig, JobRequest
from app.recipes.service import get_usable_dataset, resolve_new
from app.settings import Settings
from app.tasks import service as work


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
    """The configuration an earlier job had, what was `auto` in it as it was decided then."""
    job = JobRepository(session).get(job_id)
    config = JobRepository(session).get_decided_config(job_id)
    if not is_decided(config):
        raise Conflict(f"What is auto in {job_id} has not been decided yet: nothing to repeat.")
    base = recall_base(job, config)
    if request.model_name is not None:
        config = config.model_copy(update={"model_name": request.model_name})
    return config, get_usable_dataset(session, job.dataset_id), base


def recall_base(job: Job, config: JobConfig) -> BaseModelFacts | None:
    """The registered model that a job goes on from, as it was pinned when the job was posted."""
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
    """Queue a training job; it begins once its dataset is ready. A study names its trial."""
    config, dataset, base = resolve_request(session, request, settings)
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
    _enqueue(session, job, dataset)
    return job


def get_job(session: Session, job_id: str) -> Job:
    """The job; raises NotFound."""
    return JobRepository(session).get(job_id)


def list_jobs(  # noqa: PLR0913 - the filters of the list, by keyword
    session: Session,
    *,
    limit: int,
    after: str | None,
    status: Status | None,
    dataset_id: str | None,
    study_id: str | None,
    labels: Mapping[str, str],
) -> tuple[list[Job], bool]:
    """A page of jobs, newest first, and whether there are more."""
    jobs = JobRepository(session).list_page(
        limit=limit,
        after=after,
        status=status,
        dataset_id=dataset_id,
        study_id=study_id,
        labels=labels,
    )
    return list(jobs[:limit]), len(jobs) > limit


def cancel_job(session: Session, job_id: str) -> Job:
    """Give a job up: nothing is registered. Raises IllegalTransition once it is terminal."""
    item = work.lock_unfinished(session, job_id)
    job = JobRepository(session).get(job_id, lock=True)
    if job.status == "cancelling":
        return job
    if item is None:
        raise IllegalTransition(f"A {job.status} job cannot be cancelled: it is over.")
    if work.request_cancel(session, item):
        move(session, job, "cancelled", reason="cancelled before it began")
    else:
        move(session, job, "cancelling")
    return job


def stop_job(session: Session, job_id: str) -> Job:
    """Finish a job after its current epoch, keeping the best; a queued one is cancelled."""
    item = work.lock_unfinished(session, job_id)
    job = JobRepository(session).get(job_id, lock=True)
    if item is None or job.status not in {"queued", "running"}:
        raise IllegalTransition(f"A {job.status} job cannot be stopped; a running one can.")
    if work.request_stop(session, item):
        move(session, job, "cancelled", reason="stopped before it began")
    else:
        append_event(session, job, "stop_requested")
    return job


def resume_job(session: Session, job_id: str) -> Job:
    """Queue a failed or cancelled job again; it goes on from its last epoch.

    Raises IllegalTransition from any other state, NotFound where its dataset has been deleted.
    """
    jobs = JobRepository(session)
    dataset = DatasetRepository(session).get(jobs.get(job_id).dataset_id, share_lock=True)
    job = jobs.get(job_id, lock=True)
    move(session, job, "queued", event="resumed", from_epoch=job.resume_epoch)
    job.error_code = job.error_message = job.finished_at = None
    _enqueue(session, job, dataset)
    return job


def delete_job(session: Session, job_id: str) -> None:
    """Forget a finished job; models registered from it stay. Raises IllegalTransition otherwise."""
    job = JobRepository(session).get(job_id, lock=True)
    if job.status not in TERMINAL:
        raise IllegalTransition(f"A {job.status} job cannot be deleted; cancel it first.")
    session.delete(job)


def move(
    session: Session, job: Job, status: Status, *, event: str | None = None, **payload: object
) -> None:
    """Change a job's status along the legal transitions and write the event of it."""
    check_transition(cast("Status", job.status), status)
    job.status = status
    if status in TERMINAL:
        job.finished_at = now()
    append_event(session, job, event or status, **payload)


def list_checkpoint_files(session: Session, job_id: str) -> list[tuple[CheckpointKind, int, str]]:
    """(kind, epoch, storage key) of the checkpoints kept for a job."""
    job = JobRepository(session).get(job_id)
    files: list[tuple[CheckpointKind, int, str | None]] = [
        ("resume", job.resume_epoch, job.state_key),
        ("best", job.best_epoch or 0, job.best_key),
    ]
    if job.model_version is not None:
        model = session.get(ModelVersion, (job.model_name, job.model_version))
        files.append(("model", job.best_epoch or 0, model.checkpoint_key if model else None))
    return [(kind, epoch, key) for kind, epoch, key in files if key]


def _enqueue(session: Session, job: Job, dataset: Dataset) -> None:
    """Queue the job behind its dataset, or behind the advice on what is `auto` in it."""
    config = JobRepository(session).get_decided_config(job.id)
    waits_for = dataset.id
    if not is_decided(config):
        request, base = JobRequest.model_validate(job.request), recall_base(job, config)
        waits_for = ask_advice(session, request, config, dataset, base, retry_failed=True).id
    work.enqueue(session, queue="train", kind="train", subject_id=job.id, waits_for=waits_for)
