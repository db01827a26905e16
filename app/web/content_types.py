"""Check and explain the content type of a request's body."""

import json
import shlex
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request

from app.errors import InputProblem

FORM = "multipart/form-data"
JSON = "application/json"

CONTENT_TYPE = ("header", "content-type")
"""Where the errors of a body of another content type are."""

_URL_ENCODED = "application/x-www-form-urlencoded"
_MAX_SHOWN = 100


def media_type_of(content_type: str) -> str:
    """Return a Content-Type header without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def is_json(content_type: str) -> bool:
    """Return whether a Content-Type header announces JSON, as application/*+json does, too."""
    kind = media_type_of(content_type)
    return kind == JSON or (kind.startswith("application/") and kind.endswith("+json"))


def json_arguments(body: Any) -> list[str]:
    """Return curl's arguments that send a JSON body."""
    return ["-H", f"content-type: {JSON}", "-d", json.dumps(body, ensure_ascii=False)]


def explain_content_type(
    request: Request, expected: tuple[str, ...], arguments: list[str]
) -> InputProblem:
    """Describe the content type sent, the expected ones, and a curl command that sends one of them.

    arguments are those of curl that send the body.
    """
    sent = media_type_of(request.headers.get("content-type", ""))[:_MAX_SHOWN]
    described = (
        f"The body was sent as {sent}" if sent else "The body was sent without a content type"
    )
    if sent == FORM and FORM in expected:
        described += " without a boundary"
    if sent == _URL_ENCODED:
        described += ", as curl's -d does by itself"
    method = [] if request.method == "POST" else ["-X", request.method]
    command = shlex.join(["curl", *method, str(request.url), *arguments])
    message = (
        f"{described}; {request.method} {request.url.path} expects {' or '.join(expected)}. "
        f"For example: {command}"
    )
    return InputProblem(CONTENT_TYPE, message, expected)


def example_of(annotation: Any, examples: list[Any] | None) -> Any:
    """Return an example of a request's body: its own, its model's, or its required fields'."""
    if examples:
        return examples[0]
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return {}
    schema = annotation.model_config.get("json_schema_extra")
    if isinstance(schema, dict) and isinstance(written := schema.get("examples"), list):
        return written[0]
    return {
        name: field.examples[0]
        for name, field in annotation.model_fields.items()
        if field.is_required() and field.examples
    }
