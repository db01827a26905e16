"""Complete the OpenAPI document that FastAPI makes from the routes."""

from typing import Any

from app.web.openapi.introduction import TAGS
from app.web.openapi.operation import list_operations
from app.web.openapi.request_bodies import complete_bodies
from app.web.openapi.responses import complete_responses
from app.web.openapi.security import add_security_scheme, declare_scopes
from app.web.openapi.success_examples import add_success_examples
from app.web.problems import Problem


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with all that FastAPI does not know; changes it in place."""
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
        declare_scopes(operation)
    add_security_scheme(document)
    document["paths"] = _sort_paths(document["paths"])
    _simplify_objects(document)
    return document


def _simplify_objects(node: Any) -> None:
    """Describe objects by `propertyNames` and `additionalProperties`.

    pydantic's `patternProperties` means the same, but Swagger UI and generators do not support it.
    """
    if isinstance(node, dict):
        if len(node.get("patternProperties", ())) == 1:
            ((pattern, values),) = node.pop("patternProperties").items()
            node["propertyNames"] = {"pattern": pattern} | node.get("propertyNames", {})
            node["additionalProperties"] = values
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            _simplify_objects(child)


def _sort_paths(paths: dict[str, Any]) -> dict[str, Any]:
    """Put the paths in the order of their tags; paths of one tag keep the order of their routes."""
    order = {tag["name"]: place for place, tag in enumerate(TAGS)}

    def place_of(path: str) -> int:
        tags = (tag for operation in paths[path].values() for tag in operation.get("tags", []))
        return min((order.get(tag, len(order)) for tag in tags), default=len(order))

    return {path: paths[path] for path in sorted(paths, key=place_of)}
