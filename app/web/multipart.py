"""Read a multipart/form-data body as a stream (RFC 7578), one chunk in memory at a time.

    async for part in read_parts(request):
        if part.name == "file":
            async for chunk in part:          # a large part: chunks as they arrive
                await write(chunk)
        else:
            value = await part.read(max_bytes=1000)   # a small part: BodyTooLarge if it is larger

Parts come in the order of the body. Read each part before requesting the next one; the unread rest
of a part is skipped. `part.name` and `part.filename` come from the client: never use them as a
path. `app.web.middleware.BodyLimit` checks the size of the whole body, and how fast it arrives.

Raises UnsupportedMediaType if the request is not a multipart form. Raises BodyIncomplete if the
body ends early or is malformed, or if the client disconnects.
"""

from collections import deque
from collections.abc import AsyncIterator
from typing import cast

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from app.errors import BodyIncomplete, BodyTooLarge
from app.request_errors import UnsupportedMediaType
from app.web.content_types import FORM, explain_content_type


class Part:
    """One part of the form: its name, file name and content type as sent, and its content."""

    def __init__(self, headers: dict[str, bytes], body: "_Body") -> None:
        _, options = parse_options_header(headers.get("content-disposition"))
        if b"name" not in options:
            raise BodyIncomplete("A part of the form has no name.")
        self.name = options[b"name"].decode(errors="replace")
        filename = options.get(b"filename")
        self.filename = None if filename is None else filename.decode(errors="replace")
        content_type = headers.get("content-type")
        self.content_type = None if content_type is None else content_type.decode("latin-1")
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._body.next_chunk()) is not None:
            yield chunk

    async def read(self, *, max_bytes: int) -> bytes:
        """Return the rest of the part; raises BodyTooLarge if that is more than max_bytes."""
        whole = bytearray()
        async for chunk in self:
            whole += chunk
            if len(whole) > max_bytes:
                raise BodyTooLarge(
                    f"The part '{self.name[:100]}' is larger than the {max_bytes} bytes allowed."
                )
        return bytes(whole)


async def read_parts(
    request: Request, *, example: str = "file=@photographs.zip"
) -> AsyncIterator[Part]:
    """Yield the parts of a request's form one after the other (see the module's docstring).

    example is an argument of curl's -F, shown in the error if the request is not a form.
    """
    body = _Body(_boundary(request, example), stream_body(request))
    while (headers := await body.next_headers()) is not None:
        yield Part(headers, body)
        while await body.next_chunk() is not None:
            pass
    await body.skip_epilogue()


def _boundary(request: Request, example: str) -> bytes:
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type != FORM.encode() or not options.get(b"boundary"):
        raise UnsupportedMediaType(explain_content_type(request, (FORM,), ["-F", example]))
    return options[b"boundary"]


async def stream_body(request: Request) -> AsyncIterator[bytes]:
    """Yield a body as it arrives; raises BodyIncomplete if it breaks off."""
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect as error:
        raise BodyIncomplete("The connection was closed before the body was complete.") from error


class _Body:
    """The parsed parts of a body, in their order."""

    def __init__(self, boundary: bytes, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._found: deque[dict[str, bytes] | bytes | None] = deque()
        """The headers of a part, its chunks and None at its end; None again at the form's end."""
        self._in_part = False
        self._headers: dict[str, bytes] = {}
        self._name, self._value = b"", b""
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": lambda: self._found.append(self._headers),
                    "on_part_data": lambda body, start, end: self._found.append(body[start:end]),
                    "on_part_end": lambda: self._found.append(None),
                    "on_end": lambda: self._found.append(None),
                },
            )
        except FormParserError as error:
            raise BodyIncomplete("The form's boundary is too long.") from error

    async def next_headers(self) -> dict[str, bytes] | None:
        """Return the next part's headers once the current one is read; None after the last."""
        headers = cast("dict[str, bytes] | None", await self._next())
        self._in_part = headers is not None
        return headers

    async def next_chunk(self) -> bytes | None:
        """Return the next chunk of the current part; None at its end."""
        if not self._in_part:
            return None
        chunk = cast("bytes | None", await self._next())
        self._in_part = chunk is not None
        return chunk

    async def skip_epilogue(self) -> None:
        async for _ in self._chunks:
            pass

    async def _next(self) -> dict[str, bytes] | bytes | None:
        while not self._found:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                raise BodyIncomplete("The form ends early.")
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise BodyIncomplete("The body is not a well-formed multipart form.") from error
        return self._found.popleft()

    def _on_part_begin(self) -> None:
        self._headers = {}

    def _on_header_field(self, body: bytes, start: int, end: int) -> None:
        self._name += body[start:end]

    def _on_header_value(self, body: bytes, start: int, end: int) -> None:
        self._value += body[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value
        self._name, self._value = b"", b""
