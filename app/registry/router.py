"""HTTP of the model registry."""

from fastapi import APIRouter

from app.dependencies import PageDep, ReadSessionDep, SessionDep
from app.errors import InUse, ModelNotReady, NotFound
from app.problems import problem_responses
from app.registry import service
from app.registry.paths import AliasPath, NamePath, VersionPath
from app.registry.schemas import (
    AliasDetail,
    ChooseModel,
    ChosenModel,
    ModelDetail,
    ModelSummary,
    PointAlias,
    VersionDetail,
)
from app.schemas import Page

router = APIRouter(tags=["models"])


@router.get("/models", summary="List models by name")
def list_models(session: ReadSessionDep, page: PageDep) -> Page[ModelSummary]:
    """List the registered models by name; `after` is the last name of the page before."""
    return service.list_models(session, limit=page.limit, after=page.after)


@router.get(
    "/models/{name}",
    summary="Look at a model and its versions",
    responses=problem_responses(NotFound),
)
def get_model(session: ReadSessionDep, name: NamePath) -> ModelDetail:
    """Show a model with its versions and aliases."""
    return service.get_model(session, name)


@router.get(
    "/models/{name}/versions/{version}",
    summary="Look at a version",
    responses=problem_responses(NotFound),
)
def get_version(session: ReadSessionDep, name: NamePath, version: VersionPath) -> VersionDetail:
    """Show one version of a model."""
    return service.get_version(session, name, version)


@router.delete(
    "/models/{name}/versions/{version}",
    summary="Delete a version",
    status_code=204,
    responses=problem_responses(NotFound, InUse),
)
def delete_version(session: SessionDep, name: NamePath, version: VersionPath) -> None:
    """Delete a version that no alias points to and that is not the chosen model."""
    service.delete_version(session, name, version)


@router.put(
    "/models/{name}/aliases/{alias}",
    summary="Point an alias to a version",
    responses=problem_responses(NotFound),
)
def point_alias(
    session: SessionDep, name: NamePath, alias: AliasPath, body: PointAlias
) -> AliasDetail:
    """Promote or roll back: let an alias point to a version, from the next predict on."""
    return service.point_alias(session, name, alias, body.version)


@router.delete(
    "/models/{name}/aliases/{alias}",
    summary="Delete an alias",
    status_code=204,
    responses=problem_responses(NotFound, InUse),
)
def delete_alias(session: SessionDep, name: NamePath, alias: AliasPath) -> None:
    """Remove an alias, unless the chosen model names it."""
    service.delete_alias(session, name, alias)


@router.get(
    "/serving", summary="Look at the chosen model", responses=problem_responses(ModelNotReady)
)
def get_serving(session: ReadSessionDep) -> ChosenModel:
    """Show the chosen model and the version it means now."""
    return service.get_chosen(session)


@router.put(
    "/serving",
    summary="Choose the model that predicts",
    responses=problem_responses(NotFound, ModelNotReady),
)
def put_serving(session: SessionDep, body: ChooseModel) -> ChosenModel:
    """Choose the model that predictions use where they name none."""
    return service.choose_model(session, body.model)
