"""HTTP routes of aliases, promotion gates and the models' event log."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from app import errors
from app.analyses.views import PENDING_RESPONSE
from app.evaluations.router import RuntimeDep, respond_pending
from app.evaluations.service import RequestedEvaluation
from app.models import service
from app.models.event_schemas import RegistryEventDetail
from app.models.path_parameters import AliasPath, NamePath
from app.promotions import service as promotion
from app.promotions.alias_schemas import AliasDetail, PointAlias
from app.promotions.schemas import Gate, SetGate
from app.web.dependencies import DatabaseDep, PageDep, ReadSessionDep, SessionDep
from app.web.idempotency import Created, IdempotencyDep
from app.web.problems import problem_responses
from app.web.schemas import Page

router = APIRouter(tags=["promotions"])


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
    database: DatabaseDep, runtime: RuntimeDep, name: NamePath, alias: AliasPath, body: PointAlias
) -> Response:
    """Point an alias to a version, for the next prediction on.

    If the model has a gate, `champion` can only point to a version that passes it. If an evaluation
    for the gate is missing, a worker runs it and the response is 202; repeat the request once
    `Location` has the evaluation. `force` promotes without the gate.
    """
    with database.transaction() as session:
        promoted = promotion.promote(session, name, alias, body, runtime=runtime)
    if isinstance(promoted, promotion.Refusal):
        raise errors.GateFailed(promoted.message)
    if isinstance(promoted, RequestedEvaluation):
        return respond_pending(promoted)
    return JSONResponse(promoted.model_dump(mode="json"))


@router.delete(
    "/models/{name}/aliases/{alias}",
    summary="Delete an alias",
    status_code=204,
    responses=problem_responses(errors.NotFound, errors.InUse),
)
def delete_alias(session: SessionDep, name: NamePath, alias: AliasPath) -> None:
    """Delete an alias that the chosen model and its shadow do not use."""
    service.delete_alias(session, name, alias)


@router.post(
    "/models/{name}/aliases/{alias}/rollback",
    response_model=AliasDetail,
    summary="Roll back an alias",
    responses=problem_responses(errors.NotFound, errors.Conflict, errors.IdempotencyConflict),
)
def roll_back(
    session: SessionDep, idempotency: IdempotencyDep, name: NamePath, alias: AliasPath
) -> Response:
    """Point an alias to its previous version, without the gate.

    A second rollback undoes the first, unless it has the same Idempotency-Key.
    """

    def create() -> Created:
        return Created(promotion.roll_back(session, name, alias), f"/models/{name}")

    response, _ = idempotency.answer_once(session, "rollback", create, status=200)
    return response


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
    """Require that a new `champion` compares well with the current one on the same images."""
    return promotion.set_gate(session, name, body)


@router.get(
    "/models/{name}/gate",
    summary="Get a model's gate",
    responses=problem_responses(errors.NotFound),
)
def get_gate(session: ReadSessionDep, name: NamePath) -> Gate:
    """Return the gate that a version must pass to become `champion`."""
    return promotion.get_gate(session, name)


@router.delete(
    "/models/{name}/gate",
    summary="Delete a model's gate",
    status_code=204,
    responses=problem_responses(errors.NotFound),
)
def delete_gate(session: SessionDep, name: NamePath) -> None:
    """Delete the gate, so that any version can become `champion`."""
    promotion.delete_gate(session, name)


@router.get(
    "/models/{name}/events",
    summary="List a model's events",
    responses=problem_responses(errors.NotFound),
)
def list_events(
    session: ReadSessionDep, name: NamePath, page: PageDep
) -> Page[RegistryEventDetail]:
    """List all changes of a model, newest first. The log is append-only."""
    return service.list_events(session, name, limit=page.limit, after=page.after)
