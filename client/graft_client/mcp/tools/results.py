"""Tools for the results of jobs: history, report, comparison."""

from typing import Annotated

from pydantic import Field

from graft_client.mcp.answers.jobs import HistoryAnswer, JobComparison
from graft_client.mcp.answers.reports import ReportSummary
from graft_client.mcp.context import ToolContext, graft_of
from graft_client.mcp.tools.arguments import EvaluatedSplit, JobId
from graft_client.mcp.tools.kinds import Kind, Specification


async def get_history(
    context: ToolContext,
    job_id: JobId,
    points: Annotated[
        int, Field(ge=2, le=200, description="Largest number of epochs in the answer.")
    ] = 30,
) -> HistoryAnswer:
    """Get the losses and accuracies of a job's epochs, thinned to some points.

    The thinned curve looks like the whole one.
    """
    job = await graft_of(context).jobs.get(job_id)
    return HistoryAnswer.of(await job.history(points=points))


async def get_report(
    context: ToolContext,
    job_id: JobId,
    num_mistakes: Annotated[
        int, Field(ge=0, le=50, description="Largest number of wrong images to list.")
    ] = 10,
) -> ReportSummary:
    """Get the report of a job that has succeeded: metrics, weakest classes and mistakes.

    Say the accuracy with its interval. Overlapping intervals do not show which of two jobs is
    better; use `compare_jobs`.
    """
    job = await graft_of(context).jobs.get(job_id)
    return ReportSummary.of(await job.report(), num_mistakes)


async def compare_jobs(
    context: ToolContext, job_id: JobId, other_job_id: JobId, split: EvaluatedSplit = "val"
) -> JobComparison:
    """Compare two jobs of the same dataset on the same images, with a paired test (McNemar's).

    `conclusion` says in words what the images show.
    """
    job = await graft_of(context).jobs.get(job_id)
    test = await job.paired_test(other_job_id, split=split)
    return JobComparison.of(test, job_id, other_job_id)


TOOLS = (
    Specification(get_history, Kind.READS),
    Specification(get_report, Kind.READS),
    Specification(compare_jobs, Kind.READS),
)
