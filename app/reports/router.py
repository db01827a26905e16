"""What a finished job's model is worth."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from app import errors
from app.errors import InputProblem, ValidationFailed
from app.jobs import service
from app.jobs.router import JobId
from app.reports.confusion_chart import draw_confusion_matrix
from app.reports.schemas import JobReportView
from app.reports.service import read_report, view_report
from app.web.dependencies import ReadSessionDep
from app.web.problems import problem_responses

router = APIRouter(tags=["jobs"])

_PROBLEMS = problem_responses(errors.NotFound, errors.ReportNotReady)


@router.get("/jobs/{job_id}/report", summary="What the model is worth", responses=_PROBLEMS)
def get_report(job_id: JobId, session: ReadSessionDep) -> JobReportView:
    """The best checkpoint on images it did not learn from.

    Right and wrong by class, how far its confidence can be believed, its surest mistakes, and
    training images that may be labelled wrongly.
    """
    return view_report(session, service.get_job(session, job_id))


@router.get(
    "/jobs/{job_id}/confusion_matrix.png",
    response_class=Response,
    summary="The confusion matrix as a picture",
    responses=_PROBLEMS
    | {200: {"description": "Which class is taken for which.", "content": {"image/png": {}}}},
)
def get_confusion_matrix(
    job_id: JobId,
    session: ReadSessionDep,
    split: Annotated[Literal["val", "test"], Query(description="Whose images are counted.")] = (
        "val"
    ),
) -> Response:
    """Draw true classes down and predicted ones across, as PNG; 422 for a split it has not."""
    job = service.get_job(session, job_id)
    report = read_report(session, job)
    figures = report.test if split == "test" else report
    if figures is None:
        raise ValidationFailed(
            InputProblem(("query", "split"), "The dataset has no test split.", ("val",))
        )
    title = f"{job.model_name}: {split}"
    picture = draw_confusion_matrix(figures, report.class_names, title=title)
    return Response(picture, media_type="image/png")
