"""HTTP routes that compare two jobs or versions on the same images."""

from typing import Annotated

from fastapi import APIRouter, Query

from app import errors
from app.image_predictions.router import LimitQuery, SplitQuery
from app.jobs.router import JobId
from app.models.path_parameters import NamePath, VersionPath
from app.models.references import ModelReference, ReferenceText
from app.paired_tests import service
from app.paired_tests.schemas import Disagreement, Outcome, PairedTest
from app.web.dependencies import ReadSessionDep, StorageDep
from app.web.problems import problem_responses
from app.web.schemas import Page, make_page

router = APIRouter(tags=["comparisons"])

_PROBLEMS = (
    errors.NotFound,
    errors.PredictionsNotReady,
    errors.NotComparable,
    errors.CheckpointInvalid,
)
OtherJob = Annotated[
    str,
    Query(
        alias="with",
        max_length=40,
        description="The other job.",
        examples=["job_01k0w1rhzemcbybsywa1w8p9"],
    ),
]
OtherModel = Annotated[
    ReferenceText, Query(alias="with", description="A model reference to the other version.")
]


@router.get(
    "/jobs/{job_id}/paired_test",
    summary="Compare two jobs on the same images",
    responses=problem_responses(*_PROBLEMS),
)
def compare_jobs(
    session: ReadSessionDep,
    storage: StorageDep,
    job_id: JobId,
    other: OtherJob,
    split: SplitQuery = "val",
) -> PairedTest:
    """Count on which images each of two jobs is right, and test the difference.

    Both must have been evaluated on equal images, with equal splits and labels. A paired test
    finds smaller differences than a comparison of two accuracies. Each job's best epoch was chosen
    on the validation images, so a test on `split=test` is fairer where there is one.
    """
    return service.measure(service.pair_jobs(session, storage, job_id, other, split))


@router.get(
    "/jobs/{job_id}/paired_test/images",
    summary="List the images on which two jobs disagree",
    responses=problem_responses(*_PROBLEMS),
)
def list_disagreements(  # noqa: PLR0913 - the filters of the list
    *,
    session: ReadSessionDep,
    storage: StorageDep,
    job_id: JobId,
    other: OtherJob,
    split: SplitQuery = "val",
    outcome: Annotated[Outcome | None, Query(description="Only images with this outcome.")] = None,
    limit: LimitQuery = 20,
    after: Annotated[
        int, Query(ge=0, lt=2**31, description="The last `image_id` of the previous page.")
    ] = 0,
) -> Page[Disagreement]:
    """List images that two jobs predict as different classes, by image id."""
    pairs = service.pair_jobs(session, storage, job_id, other, split)
    images, has_more = service.list_disagreements(
        session, pairs, outcome=outcome, limit=limit, after=after
    )
    return make_page(images, lambda image: image.image_id, has_more=has_more)


@router.get(
    "/models/{name}/versions/{version}/paired_test",
    summary="Compare two versions on the same images",
    responses=problem_responses(*_PROBLEMS, errors.ModelNotReady),
)
def compare_versions(  # noqa: PLR0913, PLR0917 - one for each parameter of the request
    session: ReadSessionDep,
    storage: StorageDep,
    name: NamePath,
    version: VersionPath,
    other: OtherModel,
    split: SplitQuery = "val",
) -> PairedTest:
    """Compare the jobs that trained two versions, as `GET /jobs/{job_id}/paired_test` does.

    Nothing is predicted again: the predictions are those that the jobs stored.
    """
    this = ModelReference(name, version=version)
    return service.measure(service.pair_versions(session, storage, this, other, split))
