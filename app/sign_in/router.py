"""HTTP routes of signing in and out, and of members."""

from typing import Annotated
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.access import audit
from app.access.key_text import hash_secret, is_right, parse_key
from app.access.principal import acting_as, current_origin
from app.db.access_tables import ApiKey
from app.db.base import now
from app.db.session import Database
from app.db.tenancy import EVERY_TENANT, acting_for
from app.errors import (
    Conflict,
    Forbidden,
    GraftError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from app.settings import Settings
from app.sign_in import service
from app.sign_in.claims import Person, read_person
from app.sign_in.cookies import Cookies, is_own_page, start_attempt
from app.sign_in.errors import SignInExpired, SignInRefused
from app.sign_in.pages import show_problem
from app.sign_in.provider import Provider
from app.sign_in.repository import SignInRepository
from app.sign_in.schemas import ChangeMember, MemberDetail, OpenSession, SignInWays
from app.sign_in.sessions import hash_cookie, open_session, principal_of
from app.web.dependencies import PageDep, ReadSessionDep, ServicesDep, SessionDep, SettingsDep
from app.web.problems import problem_responses
from app.web.schemas import Page

router = APIRouter(tags=["access"])

MemberId = Annotated[
    str,
    Path(max_length=40, description="Id of a member.", examples=["mem_01k0w1rhzemcbybsywa1w8p9"]),
]

_CALLBACK = "/auth/callback"


@router.get("/auth", summary="List the ways to sign in")
async def list_ways(settings: SettingsDep) -> SignInWays:
    """Return whether requests need someone to sign in, and how they can."""
    return SignInWays(
        access_control=settings.access_control,
        api_key=settings.access_control,
        provider=urlsplit(settings.oidc_issuer).netloc or None,
    )


@router.post(
    "/auth/session",
    summary="Open a session with an API key",
    status_code=204,
    responses=problem_responses(Unauthenticated, Forbidden),
)
async def open_session_with_key(
    request: Request, services: ServicesDep, body: OpenSession
) -> Response:
    """Exchange an API key for a session's cookie, so that no page keeps the key.

    The session may do what the key may, and ends with it. Only for pages of this service.
    """
    if not is_own_page(request):
        raise Forbidden("Only a page of this service may open a session with a key.")
    value = await run_sync(_open_for_key, services.database, body.api_key, services.settings)
    response = Response(status_code=204)
    seconds = int(services.settings.session_hours * 3600)
    Cookies(services.settings).write_session(response, value, seconds=seconds)
    return response


@router.post("/auth/logout", summary="Sign out", status_code=204)
async def sign_out(request: Request, services: ServicesDep) -> Response:
    """End the session of the cookie; without one nothing happens."""
    cookies = Cookies(services.settings)
    value = cookies.read_session(request)
    if value is not None:
        await run_sync(_end_session, services.database, value)
    response = Response(status_code=204)
    cookies.delete_session(response)
    return response


@router.get(
    "/auth/login",
    summary="Sign in at the OpenID provider",
    status_code=303,
    response_class=RedirectResponse,
    responses=problem_responses(NotFound, Unavailable),
)
async def start_sign_in(
    request: Request,
    services: ServicesDep,
    next_page: Annotated[
        str,
        Query(
            alias="next",
            max_length=500,
            description="Page of the dashboard to show afterwards.",
            examples=["/ui/jobs"],
        ),
    ] = "/ui/",
) -> Response:
    """Send the browser to the provider (authorization code flow with PKCE).

    If that fails, a browser is sent to the dashboard's sign-in page, which says why.
    """
    provider = _require_provider(request)
    attempt = start_attempt(next_page)
    try:
        url = await provider.make_authorization_url(
            redirect_uri=_callback_url(request, services.settings),
            state=attempt.state,
            nonce=attempt.nonce,
            verifier=attempt.verifier,
        )
    except GraftError as error:
        return show_problem(request, error, attempt.next)
    response = RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})
    Cookies(services.settings).write_attempt(response, attempt)
    return response


@router.get(
    _CALLBACK,
    summary="Finish a sign-in",
    status_code=303,
    response_class=RedirectResponse,
    responses=problem_responses(
        SignInExpired, SignInRefused, Unauthenticated, Forbidden, NotFound, Unavailable
    ),
)
async def finish_sign_in(
    request: Request,
    services: ServicesDep,
    state: Annotated[str, Query(max_length=200, description="State of the sign-in.")] = "",
    code: Annotated[str, Query(max_length=4096, description="Code of the provider.")] = "",
    error: Annotated[
        str, Query(max_length=200, description="Why the provider refused, if it did.")
    ] = "",
) -> Response:
    """Redeem the provider's code, open a session and show the page that was asked for.

    If that fails, a browser is sent to the dashboard's sign-in page, which says why.
    """
    provider = _require_provider(request)
    cookies = Cookies(services.settings)
    attempt = cookies.read_attempt(request)
    try:
        if attempt is None or not is_equal(attempt.state, state):
            raise SignInExpired(
                "This is not the answer to a sign-in of this browser, or it took too long. Sign "
                "in again.",
                is_invalid=True,
            )
        if error or not code:
            raise SignInRefused(
                f"The OpenID provider refused the sign-in: {error or 'no code'}.", is_invalid=True
            )
        claims = await provider.redeem(
            code,
            redirect_uri=_callback_url(request, services.settings),
            verifier=attempt.verifier,
            nonce=attempt.nonce,
        )
        person = read_person(claims, services.settings)
        value = await run_sync(_open_for_person, services.database, person, services.settings)
    except GraftError as problem:
        return show_problem(request, problem, attempt.next if attempt else "/ui/")
    response = RedirectResponse(
        attempt.next, status_code=303, headers={"Cache-Control": "no-store"}
    )
    cookies.delete_attempt(response)
    seconds = int(services.settings.session_hours * 3600)
    cookies.write_session(response, value, seconds=seconds)
    return response


@router.get("/members", summary="List members")
def list_members(session: ReadSessionDep, page: PageDep) -> Page[MemberDetail]:
    """List the people of the tenant who have signed in by the OpenID provider, newest first."""
    return service.list_members(session, limit=page.limit, after=page.after)


@router.patch(
    "/members/{member_id}",
    summary="Change a member",
    responses=problem_responses(NotFound, Conflict),
)
def change_member(session: SessionDep, member_id: MemberId, body: ChangeMember) -> MemberDetail:
    """Change a member's role, or keep them from signing in. It counts within 30 s."""
    return service.change_member(session, member_id, body)


def is_equal(first: str, second: str) -> bool:
    """Compare two secrets in constant time."""
    return is_right(first, hash_secret(second))


def _require_provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise NotFound("This service has no OpenID provider; see GRAFT_OIDC_ISSUER.")
    return provider


def _callback_url(request: Request, settings: Settings) -> str:
    base = settings.public_url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    return f"{base.rstrip('/')}{_CALLBACK}"


def _open_for_key(database: Database, text: str, settings: Settings) -> str:
    key = parse_key(text.strip())
    with acting_for(EVERY_TENANT), database.transaction() as session:
        row = session.get(ApiKey, key.id) if key else None
        is_known = is_right(key.secret if key else "", row.secret_hash if row else None)
        if row is None or not is_known or _has_ended(row):
            raise Unauthenticated(
                "The API key is not valid: it is unknown, expired or revoked. Ask an administrator "
                "for a new one.",
                is_invalid=True,
            )
        return open_session(session, row, hours=settings.session_hours)


def _has_ended(key: ApiKey) -> bool:
    return key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now())


def _open_for_person(database: Database, person: Person, settings: Settings) -> str:
    try:
        with acting_for(EVERY_TENANT), database.transaction() as session:
            row = service.record_member(session, person, settings)
            with acting_as(principal_of(row), current_origin()):
                audit.record(session, "member.signed_in", row.id, details={"role": row.role})
            return open_session(session, row, hours=settings.session_hours)
    except GraftError as error:
        with acting_for(EVERY_TENANT), database.transaction() as session:
            details = {"name": person.name, "reason": error.message}
            audit.record(
                session, "member.refused", person.subject, tenant=person.tenant, details=details
            )
        raise


def _end_session(database: Database, value: str) -> None:
    with acting_for(EVERY_TENANT), database.transaction() as session:
        SignInRepository(session).delete_session(hash_cookie(value))
