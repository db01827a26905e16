"""Complete the responses of an operation: errors with examples, headers, names of schemas."""

from typing import Any

from app.errors import (
    BadJson,
    BodyTooLarge,
    GraftError,
    Overloaded,
    RateLimited,
    Unavailable,
    ValidationFailed,
)
from app.request_errors import CrossOrigin, RequestTimeout, UnsupportedMediaType
from app.tenants.request_rates import FREE
from app.web.content_types import FORM, JSON
from app.web.openapi.error_examples import make_error_example
from app.web.openapi.operation import Operation, name_of, reference_to
from app.web.openapi.security import list_access_errors
from app.web.problems import PROBLEM_JSON, describe, status_of

_DESCRIPTIONS = {
    "200": "The request has succeeded.",
    "201": "The resource is created.",
    "202": "The request is accepted; a worker does the rest.",
    "204": "The resource is deleted.",
    "303": "The browser goes on to another address.",
}
"""In place of the framework's descriptions, which are the same for every route."""

_BINARY = "application/octet-stream"
"""Routes that take a body of any type are not bound to JSON or a form."""

_LOCATION = {"description": "Where to get the result.", "schema": {"type": "string"}}
_RETRY_AFTER = {
    "description": "Seconds to wait before trying again.",
    "schema": {"type": "integer"},
}


def complete_responses(operation: Operation) -> None:
    """Declare the errors that every route can have, and complete all responses."""
    responses = operation.content["responses"]
    for status, response in responses.items():
        if response["description"] == "Successful Response":
            response["description"] = _DESCRIPTIONS[status]
        _name_schemas(operation, response)
        if status == "202":
            _add_headers(operation, response)
    for code, errors in _list_errors(operation).items():
        responses[str(code)] = _describe_errors(operation, code, errors)
    operation.content["responses"] = dict(sorted(responses.items()))


def _list_errors(operation: Operation) -> dict[int, list[type[GraftError]]]:
    """Return the errors that the route declares, and those that every route can have."""
    declared = [
        _ERRORS[code]
        for status, response in operation.content["responses"].items()
        if int(status) >= 400  # noqa: PLR2004 - the first status of errors
        for code in response["content"].get(PROBLEM_JSON, {}).get("examples", {})
    ]
    if operation.parameters or operation.bodies:
        declared.append(ValidationFailed)
    if JSON in operation.bodies:
        declared.append(BadJson)
    if operation.bodies:
        declared += [BodyTooLarge, RequestTimeout]
    if _BINARY not in operation.bodies and {JSON, FORM} & set(operation.bodies):
        declared.append(UnsupportedMediaType)
    if operation.method != "GET":
        declared.append(CrossOrigin)
    declared += list_access_errors(operation)
    if operation.path not in FREE:
        declared.append(RateLimited)
    by_status: dict[int, list[type[GraftError]]] = {}
    for error in dict.fromkeys((*declared, Unavailable, GraftError)):
        by_status.setdefault(status_of(error), []).append(error)
    return by_status


def _describe_errors(
    operation: Operation, status: int, errors: list[type[GraftError]]
) -> dict[str, Any]:
    response = describe(status, errors)
    examples = response["content"][PROBLEM_JSON]["examples"]
    for error in errors:
        examples[error.code]["value"] = make_error_example(error, operation)
    if {Overloaded, RateLimited, Unavailable} & set(errors):
        response["headers"] = {"Retry-After": _RETRY_AFTER}
    return response


def _find_subclasses(error: type[GraftError]) -> list[type[GraftError]]:
    children = error.__subclasses__()
    return [error, *(one for child in children for one in _find_subclasses(child))]


_ERRORS = {error.code: error for error in _find_subclasses(GraftError)}
"""The most specific class of each code."""


def _add_headers(operation: Operation, response: dict[str, Any]) -> None:
    media = response.get("content", {}).get(JSON, {})
    is_pending = name_of(media.get("schema", {}).get("$ref", "")) in {"Pending", "Validation"}
    if is_pending:
        response["headers"] = {"Location": _LOCATION, "Retry-After": _RETRY_AFTER}
    elif operation.id.startswith("create_"):
        response["headers"] = {"Location": _LOCATION}


def _name_schemas(operation: Operation, response: dict[str, Any]) -> None:
    """Move the schemas of unions and lists to the components, where clients find their names."""
    for content_type, media in response.get("content", {}).items():
        schema = media.get("schema", {})
        if not schema.get("title", "").startswith("Response "):
            continue
        name = _make_name(operation.id, content_type, schema)
        if name in operation.schemas:
            raise ValueError(f"There are two schemas {name}; rename an operation.")
        if "anyOf" in schema:
            schema.pop("type", None)  # FastAPI calls every line of text a string
        operation.schemas[name] = schema | {"title": name}
        media["schema"] = reference_to(name)


def _make_name(operation_id: str, content_type: str, schema: dict[str, Any]) -> str:
    if "$ref" in schema.get("items", {}):
        return f"{name_of(schema['items']['$ref'])}List"
    words = operation_id.removeprefix("get_").split("_")
    kind = "Response" if content_type == JSON else "Line"
    return "".join(word.capitalize() for word in words) + kind
