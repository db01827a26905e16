"""ASGI middleware that authenticates and authorises a request before its body is read."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import anyio
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.authentication import Authenticator, read_bearer
from app.access.principal import EVERYBODY, NOBODY, Origin, Principal, acting_as
from app.access.route_matching import Requirement, RouteIndex
from app.errors import Forbidden, GraftError, Unauthenticated
from app.telemetry.logs import bind
from app.web.problems import problem_response

log = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
"""Time between two checks of whoever follows a stream of events."""

_EVENT_STREAM = b"text/event-stream"
_PRIVATE = (b"private", b"no-store")

IsAllowed = Callable[[], Awaitable[bool]]
"""A function that returns whether a stream may go on."""


class AccessMiddleware:
    """Find who sends a request, require the scopes of its route, and act for them.

    The authenticators are `app.state.authenticators`, in the order in which they are tried. While
    access control is off, everybody may do everything in the default tenant.
    """

    def __init__(self, app: ASGIApp, *, is_on: bool) -> None:
        self.app = app
        self.is_on = is_on
        self._routes: RouteIndex | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client = scope.get("client")
        origin = Origin(scope.get("graft.request_id"), client[0] if client else None)
        if not self.is_on:
            with acting_as(EVERYBODY, origin):
                await self.app(scope, receive, send)
            return
        required = self._find_requirement(scope)
        if required.scopes is None:
            with acting_as(NOBODY, origin):
                await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        authenticators: Sequence[Authenticator] = scope["app"].state.authenticators
        try:
            principal = await _require_principal(authenticators, connection)
            _require_scopes(principal, required)
        except GraftError as error:
            answer = problem_response(
                error, instance=scope["path"], request_id=scope["graft.request_id"]
            )
            answer.headers["Cache-Control"] = "no-store"
            await answer(scope, receive, send)
            return
        bind(principal=principal.id)
        stream = _GuardedStream(send, lambda: _is_still(principal, authenticators, connection))
        with acting_as(principal, origin):
            await stream.run(self.app, scope, receive)

    def _find_requirement(self, scope: Scope) -> Requirement:
        if self._routes is None:
            self._routes = RouteIndex(scope["app"].routes)
        return self._routes.find(scope)


async def _find_principal(
    authenticators: Sequence[Authenticator], connection: HTTPConnection
) -> Principal | None:
    for authenticator in authenticators:
        principal = await authenticator.authenticate(connection)
        if principal is not None:
            return principal
    return None


async def _require_principal(
    authenticators: Sequence[Authenticator], connection: HTTPConnection
) -> Principal:
    """Return who sends the request; raises Unauthenticated, in the same words for all bad keys."""
    principal = await _find_principal(authenticators, connection)
    if principal is not None:
        return principal
    if read_bearer(connection) is None:
        raise Unauthenticated(
            "The request has no API key. Send one in the header `Authorization: Bearer gk_…`; "
            "clients of Graft read it from the variable GRAFT_API_KEY."
        )
    raise Unauthenticated(
        "The API key is not valid: it is unknown, expired or revoked. Ask an administrator for "
        "a new one.",
        is_invalid=True,
    )


def _require_scopes(principal: Principal, required: Requirement) -> None:
    missing = [scope for scope in required.scopes or () if not principal.may(scope)]
    if missing:
        needed = " and ".join(f"`{scope}`" for scope in missing)
        raise Forbidden(
            f"'{principal.name}' lacks the scope {needed}, which {required.route} needs. Use a key "
            "that has it, or ask an administrator for one.",
            scopes=missing,
        )


async def _is_still(
    principal: Principal, authenticators: Sequence[Authenticator], connection: HTTPConnection
) -> bool:
    """Return whether the credentials still are those of the principal, with the same scopes."""
    return await _find_principal(authenticators, connection) == principal


class _GuardedStream:
    """Sends an answer that only the requester may store, and ends a stream once it may not be seen.

    An answer that is no stream of events is sent to its end.
    """

    def __init__(self, send: Send, is_allowed: IsAllowed) -> None:
        self._send = send
        self._is_allowed = is_allowed
        self._cancel = anyio.CancelScope()
        self._watcher: asyncio.Task[None] | None = None

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        try:
            with self._cancel:
                await app(scope, receive, self._send_private)
        finally:
            if self._watcher is not None:
                self._watcher.cancel()
        if self._cancel.cancelled_caught:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_private(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            if not any(_is_private(name, value) for name, value in headers):
                kept = [one for one in headers if one[0].lower() != b"cache-control"]
                message = {**message, "headers": [*kept, (b"cache-control", b"no-store")]}
            if any(value.startswith(_EVENT_STREAM) for _, value in headers):
                self._watcher = asyncio.create_task(self._watch())
        await self._send(message)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            if not await self._may_go_on():
                break
        self._cancel.cancel()

    async def _may_go_on(self) -> bool:
        try:
            return await self._is_allowed()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody knows any more
            log.warning("a stream ends, because its key cannot be checked: %s", error)
            return False


def _is_private(name: bytes, value: bytes) -> bool:
    return name.lower() == b"cache-control" and any(word in value.lower() for word in _PRIVATE)
