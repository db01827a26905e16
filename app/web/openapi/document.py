"""Complete the OpenAPI document that FastAPI makes from the routes."""

from typing import Any

from fastapi import FastAPI

from app.web.openapi.introduction import TAGS
from app.web.openapi.operation import list_operations
from app.web.openapi.request_bodies import complete_bodies
from app.web.openapi.responses import complete_responses
from app.web.openapi.success_examples import add_success_examples
from app.web.problems import Problem


def complete_schema(app: FastAPI) -> None:
    """Replace the application's OpenAPI document by a complete one, made when it is requested."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(original())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # documented by FastAPI


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    for operation in list_operations(document):
        complete_bodies(operation)
        complete_responses(operation)
        add_success_examples(operation)
    document["paths"] = _sort_paths(document["paths"])
    return document


def _sort_paths(paths: dict[str, Any]) -> dict[str, Any]:
    """Put the paths in the order of their tags; paths of one tag keep the order of their routes."""
    order = {tag["name"]: place for place, tag in enumerate(TAGS)}

    def place_of(path: str) -> int:
        tags = (tag for operation in paths[path].values() for tag in operation.get("tags", []))
        return min((order.get(tag, len(order)) for tag in tags), default=len(order))

    return {path: paths[path] for path in sorted(paths, key=place_of)}
