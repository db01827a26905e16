"""Translate the errors that FastAPI finds in a request."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.errors import InputProblem
from app.web.content_types import JSON, example_of, explain_content_type, is_json, json_arguments
from app.web.input_problems import MAX_PROBLEMS, Loc, list_problems


def find_request_problems(
    request: Request, items: Sequence[Mapping[str, Any]]
) -> list[InputProblem]:
    """Translate a request's error entries; a body of another type than JSON gets one about that."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    dependants = list(_flatten(dependant)) if isinstance(dependant, Dependant) else []
    is_json_body = is_json(request.headers.get("content-type", ""))
    problems: list[InputProblem] = []
    for item in items[:MAX_PROBLEMS]:
        place, *path = item["loc"]
        root = _find_root(dependants, place)
        if place == "body" and not path and not is_json_body and root is not None:
            problems.append(_explain_body(request, root))
        else:
            annotation = root.annotation if root is not None else None
            located = partial(_below, place)
            problems += list_problems([{**item, "loc": path}], annotation, locate=located)
    # A parameter that a route and its dependencies share is validated by each of them.
    return list(dict.fromkeys(problems))


def _below(place: str | int, path: Loc) -> Loc:
    return (place, *path)


def _flatten(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for part in dependant.dependencies:
        yield from _flatten(part)


def _find_root(dependants: Sequence[Dependant], place: str | int) -> FieldInfo | None:
    """Return the field of a part of the request that is validated as one model; None otherwise."""
    for dependant in dependants:
        if place == "body" and dependant.body_params:
            return dependant.body_params[0].field_info
        for field in dependant.query_params if place == "query" else ():
            kind = field.field_info.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                return field.field_info
    return None


def _explain_body(request: Request, root: FieldInfo) -> InputProblem:
    example = example_of(root.annotation, root.examples)
    return explain_content_type(request, (JSON,), json_arguments(example))
