"""HTTP routes of the chosen model and its shadow."""

from fastapi import APIRouter

from app.errors import GateFailed, ModelNotReady, NotFound, ValidationFailed
from app.serving import service as serving
from app.serving.schemas import ChooseModel, ChosenModel
from app.web.dependencies import ReadSessionDep, SessionDep
from app.web.problems import problem_responses

router = APIRouter(tags=["serving"])


@router.get("/serving", summary="Get the chosen model", responses=problem_responses(ModelNotReady))
def get_serving(session: ReadSessionDep) -> ChosenModel:
    """Return the chosen model, its current version, and its shadow with the agreement of both."""
    return serving.get_chosen(session)


@router.put(
    "/serving",
    summary="Choose a model",
    responses=problem_responses(NotFound, ModelNotReady, GateFailed, ValidationFailed),
)
def put_serving(session: SessionDep, body: ChooseModel) -> ChosenModel:
    """Choose the model for predictions without `model`.

    A shadow model also classifies a share of those images, after the response and only while the
    service is idle. Its predictions are counted and change no response.
    """
    return serving.choose_model(session, body)
