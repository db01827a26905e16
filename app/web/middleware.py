"""ASGI middleware that runs before the body is read: request ids and body limits."""

import re
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import (
    BodyIncomplete,
    GraftError,
    InputProblem,
    NotFound,
    ValidationFailed,
)
from app.telemetry.logs import bind
from app.web.content_types import is_json
from app.web.input_problems import MAX_PROBLEMS
from app.web.json_body import parse_json
from app.web.problems import problem_response
from app.web.received_body import SCOPE_BODY, ReceivedBody, make_too_large
from app.web.text import ALLOWED, find_control_character

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_JSON_LENGTH = b"inference-header-content-length"
"""Open Inference Protocol: JSON of this length with binary tensors behind it."""


class RequestId:
    """Give every request an id (the client's, if it is well-formed), and return it in a header."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        claimed = _header(scope, b"x-request-id")
        request_id = claimed if _REQUEST_ID.fullmatch(claimed) else f"req_{secrets.token_hex(8)}"
        scope["graft.request_id"] = request_id
        bind(request_id=request_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        await self.app(scope, receive, send_with_id)


class TextOnly:
    """Reject control characters in paths (404) and queries (422), by the rule of `app.web.text`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = _find_control_character(scope) if scope["type"] == "http" else None
        if error is None:
            await self.app(scope, receive, send)
            return
        answer = problem_response(
            error, instance=scope["path"], request_id=scope["graft.request_id"]
        )
        await answer(scope, receive, send)


def _find_control_character(scope: Scope) -> GraftError | None:
    if found := find_control_character(scope["path"]):
        return NotFound(f"The path contains the control character {found}; no path here does.")
    query = scope["query_string"].decode("latin-1")
    if not find_control_character(unquote_plus(query)):
        return None
    problems = [
        InputProblem(
            ("query", name),
            f"The query parameter `{name[:100]}` contains the control character {found}; remove "
            "it.",
            ALLOWED,
        )
        for name, value in parse_qsl(query, keep_blank_values=True)
        if (found := find_control_character(name + value))
    ]
    return ValidationFailed(*problems[:MAX_PROBLEMS])


class BodyLimit:
    """Reject malformed JSON, bodies above the limit of their path, and bodies that arrive slowly.

    max_bytes_by_path has the limits of whole paths, max_bytes_below those of path prefixes. JSON
    bodies are small and are read and checked here as a whole. Other bodies are counted while the
    route reads them. A body must arrive within max_seconds, unless its path begins with one of
    uploads; every body is cut off when less than MIN_BYTES arrive in stall_seconds of waiting.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each limit
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        max_bytes_by_path: Mapping[str, int],
        max_bytes_below: Mapping[str, int],
        max_seconds: float,
        stall_seconds: float,
        uploads: tuple[str, ...],
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.max_bytes_by_path = max_bytes_by_path
        self.max_bytes_below = max_bytes_below
        self.max_seconds = max_seconds
        self.stall_seconds = stall_seconds
        self.uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            is_text = is_json(_header(scope, b"content-type")) and not _header(scope, _JSON_LENGTH)
            limit = self.max_bytes if is_text else self._find_limit(scope["path"])
            _check_length(scope, limit)
            is_upload = not is_text and scope["path"].startswith(self.uploads)
            body = ReceivedBody(
                receive,
                max_bytes=limit,
                stall_seconds=self.stall_seconds,
                max_seconds=None if is_upload else self.max_seconds,
            )
            scope[SCOPE_BODY] = body
            counted = await _check_json(body) if is_text else body
        except GraftError as error:
            answer = problem_response(
                error, instance=scope["path"], request_id=scope["graft.request_id"]
            )
            await answer(scope, receive, send)
            return
        await self.app(scope, counted, send)

    def _find_limit(self, path: str) -> int:
        below = (limit for root, limit in self.max_bytes_below.items() if path.startswith(root))
        return self.max_bytes_by_path.get(path.rstrip("/"), next(below, self.max_bytes))


def _check_length(scope: Scope, limit: int) -> None:
    declared = _header(scope, b"content-length")
    if declared:
        if not declared.isascii() or not declared.isdigit():
            raise BodyIncomplete("Content-Length is not a number.")
        if int(declared) > limit:
            raise make_too_large(limit)


async def _check_json(receive: Receive) -> Receive:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyIncomplete("The body ended early.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if body:
        parse_json(bytes(body))
    delivered = False

    async def replay() -> Message:
        nonlocal delivered
        if delivered:
            return await receive()
        delivered = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return replay


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
