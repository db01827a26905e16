"""Tools for training: validate, create, list, watch and stop jobs."""

from typing import Annotated

from pydantic import Field

from graft_client.mcp.answers.base import take_page
from graft_client.mcp.answers.jobs import JobDetails, JobLine, JobList
from graft_client.mcp.context import ToolContext, graft_of
from graft_client.mcp.tools.arguments import (
    DatasetId,
    JobId,
    Limit,
    Options,
    TrainingOptions,
)
from graft_client.mcp.tools.kinds import Kind, Specification
from graft_client.mcp.waits import (
    DEFAULT_WAIT_SECONDS,
    Progress,
    WaitSeconds,
    wait_for_job,
    wait_for_worker,
)
from graft_client.schemas.jobs import JobStatus
from graft_client.schemas.plans import Validation


async def validate_training(
    context: ToolContext,
    dataset_id: DatasetId,
    options: Options = TrainingOptions(),  # noqa: B008 - it is never changed
    wait_seconds: WaitSeconds = DEFAULT_WAIT_SECONDS,
) -> Validation:
    """Check what `train` would do, without training: configuration, memory and time.

    A worker runs one batch after the jobs that are training now, so it may take a while.
    """
    graft, fields = graft_of(context), options.to_fields()
    return await wait_for_worker(
        Progress(context),
        lambda seconds: graft.jobs.validate(dataset_id, timeout_seconds=seconds, **fields),
        seconds=wait_seconds,
        what="The validation",
        tool="validate_training",
    )


async def train(
    context: ToolContext,
    dataset_id: DatasetId,
    options: Options = TrainingOptions(),  # noqa: B008 - it is never changed
) -> JobDetails:
    """Train a model on a dataset: create a job, which a worker runs.

    It returns at once; call `watch_job` until the job is finished. A job that succeeds registers a
    new version of the model. Every call creates a job.
    """
    return JobDetails.of(await graft_of(context).train(dataset_id, **options.to_fields()))


async def list_jobs(  # noqa: PLR0913 - the filters of the list
    context: ToolContext,
    *,
    status: Annotated[
        list[JobStatus] | None, Field(description="Only with one of these statuses.")
    ] = None,
    dataset_id: Annotated[str | None, Field(description="Only on this dataset.")] = None,
    model_name: Annotated[str | None, Field(description="Only of the model of this name.")] = None,
    q: Annotated[
        str | None, Field(description="A part of the model's name, or the start of an id.")
    ] = None,
    limit: Limit = 20,
) -> JobList:
    """List training jobs, newest first."""
    pages = graft_of(context).jobs.list(
        status=status, dataset=dataset_id, model_name=model_name, q=q
    )
    found, has_more = await take_page(pages, limit)
    return JobList(jobs=[JobLine.of(one) for one in found], has_more=has_more)


async def get_job(context: ToolContext, job_id: JobId) -> JobDetails:
    """Get a job: its status, progress, best epoch, configuration and error."""
    return JobDetails.of(await graft_of(context).jobs.get(job_id))


async def watch_job(
    context: ToolContext, job_id: JobId, wait_seconds: WaitSeconds = DEFAULT_WAIT_SECONDS
) -> JobDetails:
    """Wait until a job is finished, for at most some seconds, with progress notifications.

    If `is_finished` is false, the job continues: tell the person how far it is, and call again.
    """
    job = await graft_of(context).jobs.get(job_id)
    await wait_for_job(Progress(context), job, wait_seconds)
    return JobDetails.of(job)


async def stop_job(context: ToolContext, job_id: JobId) -> JobDetails:
    """Stop a job after its current epoch, and register the best epoch's model.

    A job that has not started is cancelled. It cannot be undone.
    """
    job = await graft_of(context).jobs.get(job_id)
    return JobDetails.of(await job.stop())


TOOLS = (
    Specification(validate_training, Kind.READS),
    Specification(train, Kind.ADDS),
    Specification(list_jobs, Kind.READS),
    Specification(get_job, Kind.READS),
    Specification(watch_job, Kind.READS),
    Specification(stop_job, Kind.CHANGES),
)
