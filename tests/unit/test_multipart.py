"""Reading a multipart form as a stream."""

import asyncio
from collections.abc import Iterable

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.errors import BodyIncomplete, BodyTooLarge
from app.request_errors import UnsupportedMediaType
from app.web.multipart import read_parts

FORM = (
    b"--x\r\n"
    b'Content-Disposition: form-data; name="file"; filename="ants \xc3\xa9.zip"\r\n'
    b"Content-Type: application/zip\r\n\r\n"
    b"PK\r\n--y and more\r\n--x\r\n"
    b'content-disposition: form-data; name="name"\r\n\r\n'
    b"ants\r\n"
    b"--x--\r\n"
)
FORM_TYPE = "multipart/form-data; boundary=x"


def request_of(chunks: Iterable[bytes], *, content_type: str = FORM_TYPE, end: str = "") -> Request:
    messages: list[Message] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    if not end:
        messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        return {"type": "http.disconnect"}

    headers = [(b"content-type", content_type.encode())]
    return Request(
        {"type": "http", "method": "POST", "path": "/datasets", "headers": headers}, receive
    )


Seen = list[tuple[str, str | None, str | None, bytes]]


def read_form(request: Request, *, max_bytes: int = 1000) -> Seen:
    async def read() -> Seen:
        return [
            (part.name, part.filename, part.content_type, await part.read(max_bytes=max_bytes))
            async for part in read_parts(request)
        ]

    return asyncio.run(read())


EXPECTED: Seen = [
    ("file", "ants é.zip", "application/zip", b"PK\r\n--y and more"),
    ("name", None, None, b"ants"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_parts_do_not_depend_on_the_size_of_chunks(size: int) -> None:
    chunks = [FORM[start : start + size] for start in range(0, len(FORM), size)]
    assert read_form(request_of(chunks)) == EXPECTED


def test_the_unread_rest_of_a_part_is_skipped() -> None:
    async def names() -> list[str]:
        parts = read_parts(request_of([FORM[:120], FORM[120:]]))
        return [part.name async for part in parts]

    assert asyncio.run(names()) == ["file", "name"]


def test_a_part_can_be_streamed() -> None:
    async def stream() -> list[bytes]:
        at = FORM.index(b"more")
        request = request_of([FORM[:at], FORM[at:]])
        return [
            chunk
            async for part in read_parts(request)
            if part.name == "file"
            async for chunk in part
        ]

    chunks = asyncio.run(stream())
    assert b"".join(chunks) == EXPECTED[0][3]
    assert len(chunks) > 1


def test_a_part_over_its_limit_is_rejected() -> None:
    with pytest.raises(BodyTooLarge):
        read_form(request_of([FORM]), max_bytes=10)


@pytest.mark.parametrize("length", [0, 3, 40, 140, len(FORM) - 5])
def test_a_body_that_ends_early_is_incomplete(length: int) -> None:
    with pytest.raises(BodyIncomplete, match="ends early"):
        read_form(request_of([FORM[:length]]))


def test_a_closed_connection_is_an_error() -> None:
    with pytest.raises(BodyIncomplete, match="closed"):
        read_form(request_of([FORM[:140]], end="gone"))


@pytest.mark.parametrize(
    "body",
    [
        b"this is no form",
        FORM.replace(b"content-disposition: ", b"content disposition: "),
        FORM.replace(b'; name="name"', b""),
    ],
)
def test_a_malformed_form_is_rejected(body: bytes) -> None:
    with pytest.raises(BodyIncomplete):
        read_form(request_of([body]))


@pytest.mark.parametrize("content_type", ["application/zip", "multipart/form-data", ""])
def test_another_content_type_is_rejected(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        read_form(request_of([FORM], content_type=content_type))
    assert caught.value.problems[0].loc == ("header", "content-type")


def test_a_boundary_that_is_too_long_is_rejected() -> None:
    with pytest.raises(BodyIncomplete, match="boundary"):
        read_form(request_of([FORM], content_type=f"multipart/form-data; boundary={'x' * 300}"))
