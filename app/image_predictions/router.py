"""HTTP route of a job's predictions of single images."""

from typing import Annotated

from fastapi import APIRouter, Query

from app import errors
from app.image_predictions import service
from app.image_predictions.schemas import ImagePrediction, Order
from app.image_predictions.service import Selection
from app.jobs.prediction_file import EvalSplit
from app.jobs.router import JobId
from app.jobs.service import get_job
from app.web.dependencies import ReadSessionDep, StorageDep
from app.web.problems import problem_responses
from app.web.schemas import Page, make_page

router = APIRouter(tags=["reports"])

SplitQuery = Annotated[EvalSplit, Query(description="Split of the images.")]
LimitQuery = Annotated[int, Query(ge=1, le=1000, description="Number of entries on a page.")]
AfterQuery = Annotated[
    int | None,
    Query(ge=1, lt=2**31, description="The last `image_id` of the previous page.", examples=[301]),
]


@router.get(
    "/jobs/{job_id}/predictions",
    summary="List a job's predictions of single images",
    responses=problem_responses(
        errors.NotFound, errors.PredictionsNotReady, errors.CheckpointInvalid
    ),
)
def list_predictions(  # noqa: PLR0913 - the filters of the list
    *,
    session: ReadSessionDep,
    storage: StorageDep,
    job_id: JobId,
    split: SplitQuery = "val",
    label: Annotated[
        str | None,
        Query(max_length=255, description="Only images with this label.", examples=["bees"]),
    ] = None,
    predicted: Annotated[
        str | None,
        Query(
            max_length=255,
            description="Only images that were predicted as this class; together with `label` one "
            "cell of the confusion matrix.",
            examples=["ants"],
        ),
    ] = None,
    is_correct: Annotated[
        bool | None, Query(description="Only correct predictions, or only mistakes.")
    ] = None,
    sort: Annotated[
        Order,
        Query(
            description="`image`: by image id. `probability`: the highest probability of the "
            "predicted class first."
        ),
    ] = "image",
    limit: LimitQuery = 20,
    after: AfterQuery = None,
) -> Page[ImagePrediction]:
    """List the best checkpoint's predictions of all validation or test images.

    They are those of the job's report, so they agree with its confusion matrix. Jobs that did not
    succeed, or that ended before this service stored predictions, have none.
    """
    job = get_job(session, job_id)
    predictions = service.read_predictions(session, storage, job)
    selection = Selection(label, predicted, is_correct, sort)
    rows, has_more = service.list_predictions(
        predictions, split, selection, limit=limit, after=after
    )
    views = service.view_rows(session, job, predictions, split, rows.tolist())
    return make_page(views, lambda view: view.image_id, has_more=has_more)
