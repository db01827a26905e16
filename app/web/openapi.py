"""Complete the OpenAPI document with the error responses of every route."""

from typing import Any

from fastapi import FastAPI

from app.errors import BadJson, BodyTooLarge, GraftError, Unavailable, ValidationFailed
from app.web.problems import Problem, describe, status_of

_ANYWHERE: tuple[type[GraftError], ...] = (ValidationFailed, Unavailable, GraftError)
_WITH_BODY: tuple[type[GraftError], ...] = (BadJson, BodyTooLarge)


def complete_schema(app: FastAPI) -> None:
    """Replace FastAPI's error bodies in the document by the service's problem details."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _with_problems(original())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # documented by FastAPI


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    for path in document["paths"].values():
        for operation in path.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schemas |= content.get("schema", {}).get("$defs", {})
            responses = operation["responses"]
            expected = _ANYWHERE + (_WITH_BODY if "requestBody" in operation else ())
            for error in expected:
                status = str(status_of(error))
                described = responses.get(status)
                if described is None or "HTTPValidationError" in str(described):
                    responses[status] = describe(int(status), [error])
    return document
