"""Read the responses of the service, and make the headers of requests."""

from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from graft_client.errors import InvalidInput, error_of_problem, error_of_status, unexpected_answer
from graft_client.retrying import read_retry_after

_EXCERPT_CHARACTERS = 200

SchemaT = TypeVar("SchemaT", bound=BaseModel)


def make_headers(api_key: str | None) -> dict[str, str]:
    """Return the headers of every request; raises InvalidInput for a key that no header can have.

    The error does not show the key.
    """
    key = (api_key or "").strip()
    if not key:
        return {}
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidInput(
            "The API key has characters that no key has. Check the variable GRAFT_API_KEY; a key "
            "begins with `gk_`."
        )
    return {"Authorization": f"Bearer {key}"}


def require_success(response: httpx.Response) -> None:
    """Raise ApiError unless the response is a success; its body must have been read."""
    if response.is_success:
        return
    status, url = response.status_code, str(response.url)
    is_problem = response.headers.get("content-type", "").startswith("application/problem+json")
    if is_problem and response.content:  # the answer to HEAD has no body
        problem = read_json(response)
        if isinstance(problem, dict) and {"code", "detail"} <= problem.keys():
            raise error_of_problem(status, problem)
    raise error_of_status(status, url, response.text or response.reason_phrase)


def read_json(response: httpx.Response) -> Any:
    """Return the JSON body of a response; raises UnexpectedAnswer if it is not JSON."""
    try:
        return response.json()
    except ValueError as error:
        content_type = response.headers.get("content-type", "no content type")
        what = f"{response.text[:_EXCERPT_CHARACTERS]!r} ({content_type}) instead of JSON"
        raise unexpected_answer(response.status_code, str(response.url), what) from error


def read_rows(answer: object, url: str) -> list[Any]:
    """Return the list `data` of an answer; raises UnexpectedAnswer if it has none."""
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise unexpected_answer(200, url, "JSON that has no list `data`")
    return rows


def validated(schema: type[SchemaT], content: object, url: str) -> SchemaT:
    """Return the content as an object; raises UnexpectedAnswer if a field is missing or wrong."""
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        what = f"an answer that this client cannot read ({where}: {first['msg']})"
        raise unexpected_answer(200, url, what) from error


def location_of(response: httpx.Response) -> str:
    """Return the address at which a 202 says that the result will be."""
    location: str | None = response.headers.get("Location")
    if location is None:
        raise unexpected_answer(
            response.status_code, str(response.url), "202 without the header Location"
        )
    return location


def retry_after_of(response: httpx.Response) -> float | None:
    """Return the seconds of the response's Retry-After, None without a valid one."""
    return read_retry_after(response.headers.get("Retry-After"))
