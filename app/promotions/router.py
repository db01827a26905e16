"""HTTP of aliases, the gates in front of them and the log behind them."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from app import errors
from app.analyses.views import PENDING_RESPONSE
from app.evaluations.router import RuntimeDep, answer_when_evaluated
from app.evaluations.service import Asked
from app.models import service
from app.models.event_schemas import RegistryEventDetail
from app.models.paths import AliasPath, NamePath
from app.promotions import service as promotion
from app.promotions.alias_schemas import AliasDetail, PointAlias
from app.promotions.schemas import Gate, SetGate
from app.web.dependencies import PageDep, ReadSessionDep, SessionDep
from app.web.idempotency import Created, IdempotencyDep
from app.web.problems import problem_responses
from app.web.schemas import Page

router = APIRouter(tags=["models"])


@router.put(
    "/models/{name}/aliases/{alias}",
    response_model=AliasDetail,
    summary="Point an alias to a version",
    responses={
        **PENDING_RESPONSE,
        **problem_responses(
            errors.NotFound,
            errors.Conflict,
            errors.GateFailed,
            errors.DatasetInvalid,
            errors.TooFewImages,
            errors.ValidationFailed,
            errors.Unavailable,
            errors.CheckpointInvalid,
        ),
    },
)
def point_alias(
    session: SessionDep, runtime: RuntimeDep, name: NamePath, alias: AliasPath, body: PointAlias
) -> Response:
    """Promote or roll back: let an alias point to a version, from the next predict on.

    Where the model has a gate, `champion` moves only to a version that passes it. An evaluation
    that is missing is asked for and answered with 202: the same request decides once `Location` has
    its figures. `force` promotes past the gate.
    """
    moved = promotion.promote(session, name, alias, body, runtime=runtime)
    if isinstance(moved, Asked):
        return answer_when_evaluated(moved)
    return JSONResponse(moved.model_dump(mode="json"))


@router.delete(
    "/models/{name}/aliases/{alias}",
    summary="Delete an alias",
    status_code=204,
    responses=problem_responses(errors.NotFound, errors.InUse),
)
def delete_alias(session: SessionDep, name: NamePath, alias: AliasPath) -> None:
    """Remove an alias, unless the chosen model names it."""
    service.delete_alias(session, name, alias)


@router.post(
    "/models/{name}/aliases/{alias}/rollback",
    response_model=AliasDetail,
    summary="Undo an alias's last move",
    responses=problem_responses(errors.NotFound, errors.Conflict, errors.IdempotencyConflict),
)
def roll_back(
    session: SessionDep, idempotency: IdempotencyDep, name: NamePath, alias: AliasPath
) -> Response:
    """Let an alias point to where it pointed before; no gate stands in the way.

    A second rollback undoes the first; one repeated with its Idempotency-Key does not.
    """

    def create() -> Created:
        return Created(promotion.roll_back(session, name, alias), f"/models/{name}")

    answer, _ = idempotency.answer_once(session, "rollback", create, status=200)
    return answer


@router.put(
    "/models/{name}/gate",
    summary="Set a model's gate",
    responses=problem_responses(
        errors.NotFound,
        errors.Conflict,
        errors.DatasetInvalid,
        errors.ModelNotReady,
        errors.ValidationFailed,
    ),
)
def set_gate(session: SessionDep, name: NamePath, body: SetGate) -> Gate:
    """Let only versions become `champion` that compare well with it on the same images."""
    return promotion.set_gate(session, name, body)


@router.get(
    "/models/{name}/gate",
    summary="Look at a model's gate",
    responses=problem_responses(errors.NotFound),
)
def get_gate(session: ReadSessionDep, name: NamePath) -> Gate:
    """Show what a version must pass before `champion` may be pointed to it."""
    return promotion.get_gate(session, name)


@router.delete(
    "/models/{name}/gate",
    summary="Remove a model's gate",
    status_code=204,
    responses=problem_responses(errors.NotFound),
)
def delete_gate(session: SessionDep, name: NamePath) -> None:
    """Let any version become `champion` again."""
    promotion.delete_gate(session, name)


@router.get(
    "/models/{name}/events",
    summary="Look at what was done to a model",
    responses=problem_responses(errors.NotFound),
)
def list_events(
    session: ReadSessionDep, name: NamePath, page: PageDep
) -> Page[RegistryEventDetail]:
    """List every change of a model, newest first; the log is never changed and never shortened."""
    return service.list_events(session, name, limit=page.limit, after=page.after)
