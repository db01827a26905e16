"""Routes for the report of a finished job."""

from functools import partial
from typing import Annotated, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Response

from app import errors
from app.errors import InputProblem, ValidationFailed
from app.jobs import service
from app.jobs.report_schemas import Report
from app.jobs.router import JobId
from app.reports import service as reports
from app.reports.confusion_chart import draw_confusion_matrix
from app.reports.schemas import JobReportView
from app.web.dependencies import DatabaseDep, ReadSessionDep
from app.web.drawing import draw
from app.web.problems import problem_responses

router = APIRouter(tags=["reports"])

_PROBLEMS = problem_responses(errors.NotFound, errors.ReportNotReady)


@router.get("/jobs/{job_id}/report", summary="Get a job's report", responses=_PROBLEMS)
def get_report(job_id: JobId, session: ReadSessionDep) -> JobReportView:
    """Return the metrics of the best checkpoint on the validation and test images.

    They include metrics by class, calibration, the most confident mistakes, and training images
    that are probably labelled wrongly.
    """
    return reports.view_report(session, service.get_job(session, job_id))


@router.get(
    "/jobs/{job_id}/confusion_matrix.png",
    response_class=Response,
    summary="Get a job's confusion matrix as an image",
    responses=_PROBLEMS
    | problem_responses(errors.Overloaded)
    | {200: {"description": "The confusion matrix.", "content": {"image/png": {}}}},
)
async def get_confusion_matrix(
    job_id: JobId,
    database: DatabaseDep,
    split: Annotated[Literal["val", "test"], Query(description="Split of the images.")] = ("val"),
) -> Response:
    """Draw true classes as rows and predicted classes as columns, as PNG."""

    def read() -> tuple[str, Report]:
        with database.reading() as session:
            job = service.get_job(session, job_id)
            return f"{job.model_name}: {split}", reports.get_report(session, job)

    title, report = await run_sync(read)
    figures = report.test if split == "test" else report
    if figures is None:
        raise ValidationFailed(
            InputProblem(
                ("query", "split"), "`split` is test, but the dataset has no test split.", ("val",)
            )
        )
    image = await draw(partial(draw_confusion_matrix, figures, report.class_names, title=title))
    return Response(image, media_type="image/png")
