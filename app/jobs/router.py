"""Routes for training jobs: create, get, list, cancel, stop, resume, delete."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app import errors
from app.jobs import portfolio, service
from app.jobs.portfolio_schemas import Portfolio
from app.jobs.schemas import Checkpoints, CheckpointView, JobView
from app.jobs.states import Status
from app.jobs.views import view_job
from app.recipes.schemas import JobRequest
from app.recipes.service import require_weights
from app.web.dependencies import (
    NEEDS_SPACE,
    DatabaseDep,
    PageDep,
    ReadSessionDep,
    SearchText,
    SessionDep,
    SettingsDep,
    StorageDep,
)
from app.web.idempotency import Created, IdempotencyDep, fingerprint_of
from app.web.problems import problem_responses
from app.web.schemas import Page, make_page

router = APIRouter(tags=["jobs"])

JobId = Annotated[
    str, Path(max_length=40, description="The job.", examples=["job_01k0w1rhzemcbybsywa1w8p9"])
]

CREATE_PROBLEMS = problem_responses(
    errors.NotFound,
    errors.DatasetInvalid,
    errors.IdempotencyConflict,
    errors.ValidationFailed,
    errors.WeightsUnavailable,
    errors.QuotaExceeded,
    errors.StorageFull,
)
TRANSITION_PROBLEMS = problem_responses(errors.NotFound, errors.IllegalTransition)


def _require_weights(body: JobRequest, settings: SettingsDep) -> JobRequest:
    """Check the weights before the transaction begins, because the check may use the network."""
    require_weights(body, settings)
    return body


@router.post(
    "/jobs",
    status_code=202,
    response_model=JobView,
    summary="Create a training job",
    dependencies=[NEEDS_SPACE],
    responses=CREATE_PROBLEMS,
)
def create_job(
    body: Annotated[JobRequest, Depends(_require_weights)],
    session: SessionDep,
    settings: SettingsDep,
    idempotency: IdempotencyDep,
) -> Response:
    """Queue a job. Only `dataset_id` is required; `config` in the answer shows every value."""

    def create() -> Created:
        job = service.create_job(session, body, settings)
        return Created(view_job(session, job), f"/jobs/{job.id}")

    answer, _ = idempotency.answer_once(session, fingerprint_of(body), create)
    return answer


@router.get("/jobs", summary="List jobs, newest first")
def list_jobs(  # noqa: PLR0913, PLR0917 - the filters are its arguments
    request: Request,
    session: ReadSessionDep,
    page: PageDep,
    status: Annotated[
        list[Status] | None,
        Query(description="Only jobs in this state; repeat it for several states."),
    ] = None,
    dataset_id: Annotated[
        str | None, Query(max_length=40, description="Only jobs on this dataset.")
    ] = None,
    study_id: Annotated[
        str | None, Query(max_length=40, description="Only jobs of this study.")
    ] = None,
    model_name: Annotated[
        str | None, Query(max_length=63, description="Only jobs that train this model.")
    ] = None,
    text: SearchText = None,
) -> Page[JobView]:
    """List jobs; `metadata.<key>=<value>` filters by metadata, and `q` searches model names."""
    labels = {
        key.removeprefix("metadata."): value
        for key, value in request.query_params.items()
        if key.startswith("metadata.")
    }
    jobs, has_more = service.list_jobs(
        session,
        limit=page.limit,
        after=page.after,
        statuses=status or (),
        dataset_id=dataset_id,
        study_id=study_id,
        model_name=model_name,
        text=text,
        labels=labels,
    )
    views = [view_job(session, job) for job in jobs]
    return make_page(views, lambda job: job.id, has_more=has_more)


@router.get("/jobs/{job_id}", summary="Get a job", responses=problem_responses(errors.NotFound))
def get_job(job_id: JobId, session: ReadSessionDep) -> JobView:
    """Return a job with its progress, its best epoch so far and, at the end, its model."""
    return view_job(session, service.get_job(session, job_id))


@router.get(
    "/jobs/{job_id}/checkpoints",
    summary="List a job's checkpoints",
    responses=problem_responses(errors.NotFound),
)
def list_checkpoints(job_id: JobId, session: ReadSessionDep, storage: StorageDep) -> Checkpoints:
    """List the checkpoint files that are stored for a job now."""
    files = service.list_checkpoint_files(session, job_id)
    return Checkpoints(
        job_id=job_id,
        data=[
            CheckpointView(kind=kind, epoch=epoch, num_bytes=storage.num_bytes(key))
            for kind, epoch, key in files
            if storage.exists(key)
        ],
    )


@router.get(
    "/jobs/{job_id}/portfolio",
    summary="Get what a job with a time budget tried",
    responses=problem_responses(errors.NotFound),
)
def get_portfolio(job_id: JobId, session: ReadSessionDep) -> Portfolio:
    """Return the backbones that a job with `time_budget_seconds` tried, and what it decided.

    Before the job starts, nothing is tried. 404 if the job has no time budget.
    """
    return portfolio.get_portfolio(session, job_id)


@router.post(
    "/jobs/{job_id}/cancel", status_code=202, summary="Cancel a job", responses=TRANSITION_PROBLEMS
)
def cancel_job(job_id: JobId, session: SessionDep) -> JobView:
    """Cancel a job: no model is registered. `resume` continues it."""
    return view_job(session, service.cancel_job(session, job_id))


@router.post(
    "/jobs/{job_id}/stop",
    status_code=202,
    summary="Stop a job after this epoch",
    responses=TRANSITION_PROBLEMS,
)
def stop_job(job_id: JobId, session: SessionDep) -> JobView:
    """End a job after its current epoch; the best epoch so far becomes the model.

    A queued job is cancelled.
    """
    return view_job(session, service.stop_job(session, job_id))


@router.post(
    "/jobs/{job_id}/resume",
    status_code=202,
    summary="Resume a failed or cancelled job",
    dependencies=[NEEDS_SPACE],
    responses=problem_responses(
        errors.NotFound, errors.IllegalTransition, errors.QuotaExceeded, errors.StorageFull
    ),
)
def resume_job(job_id: JobId, session: SessionDep, settings: SettingsDep) -> JobView:
    """Queue a job again; it continues from its last epoch."""
    return view_job(session, service.resume_job(session, job_id, settings))


@router.delete(
    "/jobs/{job_id}",
    status_code=204,
    summary="Delete a finished job",
    responses=TRANSITION_PROBLEMS,
)
def delete_job(job_id: JobId, database: DatabaseDep, storage: StorageDep) -> None:
    """Delete a job with its history, events, report and predictions; its model stays."""
    with database.transaction() as session:
        unreferenced = service.delete_job(session, job_id)
    for key in unreferenced:
        storage.delete(key)
