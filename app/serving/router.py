"""HTTP of the chosen model and its shadow."""

from fastapi import APIRouter

from app.errors import GateFailed, ModelNotReady, NotFound, ValidationFailed
from app.serving import service as serving
from app.serving.schemas import ChooseModel, ChosenModel
from app.web.dependencies import ReadSessionDep, SessionDep
from app.web.problems import problem_responses

router = APIRouter(tags=["models"])


@router.get(
    "/serving", summary="Look at the chosen model", responses=problem_responses(ModelNotReady)
)
def get_serving(session: ReadSessionDep) -> ChosenModel:
    """Show the chosen model and the version it means now, and how far its shadow agrees."""
    return serving.get_chosen(session)


@router.put(
    "/serving",
    summary="Choose the model that predicts",
    responses=problem_responses(NotFound, ModelNotReady, GateFailed, ValidationFailed),
)
def put_serving(session: SessionDep, body: ChooseModel) -> ChosenModel:
    """Choose the model that predictions use where they name none.

    A shadow is shown a share of those images after they have been answered, when nothing else
    waits; what it says is counted and changes no answer.
    """
    return serving.choose_model(session, body)
