"""HTTP routes of models and their versions."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.errors import InUse, NotFound, ValidationFailed
from app.models import service
from app.models.path_parameters import NamePath, VersionPath
from app.models.schemas import (
    ModelDetail,
    ModelSummary,
    VersionDetail,
)
from app.web.dependencies import PageDep, ReadSessionDep, SessionDep
from app.web.problems import problem_responses
from app.web.schemas import Metadata, Page
from app.web.text import TEXT_PATTERN

router = APIRouter(tags=["models"])


@router.get("/models", summary="List models")
def list_models(
    session: ReadSessionDep,
    page: PageDep,
    text: Annotated[
        str | None,
        Query(
            alias="q",
            max_length=63,
            pattern=TEXT_PATTERN,
            description="Only models whose name contains this text.",
            examples=["ants"],
        ),
    ] = None,
) -> Page[ModelSummary]:
    """List the registered models by name; `after` is the last name of the previous page."""
    return service.list_models(session, limit=page.limit, after=page.after, text=text)


@router.get(
    "/models/{name}",
    summary="Get a model",
    responses=problem_responses(NotFound),
)
def get_model(session: ReadSessionDep, name: NamePath) -> ModelDetail:
    """Return a model with its versions and aliases."""
    return service.get_model(session, name)


@router.put(
    "/models/{name}/metadata",
    summary="Set a model's metadata",
    responses=problem_responses(NotFound, ValidationFailed),
)
def put_metadata(session: SessionDep, name: NamePath, body: Metadata) -> ModelDetail:
    """Replace the model's metadata with these key-value pairs."""
    return service.set_metadata(session, name, body)


@router.get(
    "/models/{name}/versions/{version}",
    summary="Get a version",
    responses=problem_responses(NotFound),
)
def get_version(session: ReadSessionDep, name: NamePath, version: VersionPath) -> VersionDetail:
    """Return one version of a model."""
    return service.get_version(session, name, version)


@router.delete(
    "/models/{name}/versions/{version}",
    summary="Delete a version",
    status_code=204,
    responses=problem_responses(NotFound, InUse),
)
def delete_version(session: SessionDep, name: NamePath, version: VersionPath) -> None:
    """Delete a version that no alias, chosen model or shadow uses."""
    service.delete_version(session, name, version)
