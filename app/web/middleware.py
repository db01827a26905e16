"""ASGI middleware that runs before the body is read: request ids and body limits."""

import re
import secrets
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BodyIncomplete, BodyTooLarge, GraftError, InputError
from app.telemetry.logs import bind
from app.web.content_types import is_json
from app.web.json_body import parse_json
from app.web.problems import problem_response

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


class BodyLimit:
    """Reject malformed JSON, and bodies above the limit of their path.

    max_bytes_by_path has the limits of whole paths, max_bytes_below those of path prefixes. JSON
    bodies are small and are read and checked here as a whole. Other bodies are counted while the
    route reads them.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        max_bytes_by_path: Mapping[str, int],
        max_bytes_below: Mapping[str, int],
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.max_bytes_by_path = max_bytes_by_path
        self.max_bytes_below = max_bytes_below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            is_text = is_json(_header(scope, b"content-type")) and not _header(scope, _JSON_LENGTH)
            limit = self.max_bytes if is_text else self._find_limit(scope["path"])
            counted = _count_body(scope, receive, limit)
            if is_text:
                counted = await _check_json(counted)
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


def _count_body(scope: Scope, receive: Receive, limit: int) -> Receive:
    declared = _header(scope, b"content-length")
    if declared:
        if not declared.isascii() or not declared.isdigit():
            raise BodyIncomplete("Content-Length is not a number.")
        if int(declared) > limit:
            raise _too_large(limit)
    num_bytes = 0

    async def counted() -> Message:
        nonlocal num_bytes
        message = await receive()
        num_bytes += len(message.get("body", b""))
        if num_bytes > limit:
            raise _too_large(limit)
        return message

    return counted


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


def _too_large(limit: int) -> InputError:
    return BodyTooLarge(f"The body is larger than the {limit} bytes allowed here.")


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
