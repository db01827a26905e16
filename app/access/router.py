"""HTTP routes of API keys, and of who sends the request."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse

from app.access import service
from app.access.principal import current_principal
from app.access.schemas import CreatedKey, CreateKey, KeyDetail, WhoAmI
from app.errors import Forbidden, NotFound, ValidationFailed
from app.web.dependencies import PageDep, ReadSessionDep, SessionDep, SettingsDep
from app.web.problems import problem_responses
from app.web.schemas import Page

router = APIRouter(tags=["access"])

KeyId = Annotated[
    str,
    Path(
        max_length=40,
        description="Id of an API key.",
        examples=["key_01k0w1rhzemcbybsywa1w8p9"],
    ),
]


@router.get("/whoami", summary="Get the sender of the request")
async def get_whoami(settings: SettingsDep) -> WhoAmI:
    """Return who the key of this request belongs to, and what it may do."""
    return service.describe_principal(current_principal(), is_on=settings.access_control)


@router.post(
    "/keys",
    summary="Create an API key",
    status_code=201,
    response_model=CreatedKey,
    responses=problem_responses(ValidationFailed, Forbidden, NotFound),
)
def create_key(session: SessionDep, body: CreateKey) -> Response:
    """Create a key of the sender's tenant. The answer has its secret, which is shown only once.

    A repeated request creates another key, because a stored answer would keep the secret.
    """
    created = service.create_key(session, body)
    headers = {"Location": f"/keys/{created.id}", "Cache-Control": "no-store"}
    return JSONResponse(created.model_dump(mode="json"), 201, headers)


@router.get("/keys", summary="List API keys")
def list_keys(session: ReadSessionDep, page: PageDep) -> Page[KeyDetail]:
    """List the keys of the sender's tenant, newest first, without their secrets."""
    return service.list_keys(session, limit=page.limit, after=page.after)


@router.delete(
    "/keys/{key_id}",
    summary="Revoke an API key",
    status_code=204,
    responses=problem_responses(NotFound),
)
def revoke_key(session: SessionDep, key_id: KeyId) -> None:
    """Revoke a key. Within 30 s no process accepts it, and streams that it opened have ended."""
    service.revoke_key(session, key_id)
