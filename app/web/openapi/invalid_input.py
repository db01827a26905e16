"""Make an example of an invalid request from the rules that an operation has for its input."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from pydantic_core import PydanticKnownError

from app.errors import InputProblem
from app.web.content_types import FORM, JSON
from app.web.input_problems import list_problems
from app.web.openapi.operation import Operation

_WRONG_TEXT = "not this!"
"""Breaks the patterns of ids and names."""

_Rule = tuple[str, str, Callable[[Any], object]]
"""Pydantic's name of the error, that of the limit, and an input which breaks the limit."""

_RULES: dict[str, _Rule] = {
    "minimum": ("greater_than_equal", "ge", lambda limit: limit - 1),
    "exclusiveMinimum": ("greater_than", "gt", lambda limit: limit),
    "maximum": ("less_than_equal", "le", lambda limit: limit + 1),
    "exclusiveMaximum": ("less_than", "lt", lambda limit: limit),
    "enum": ("literal_error", "expected", lambda _: "other"),
    "pattern": ("string_pattern_mismatch", "pattern", lambda _: _WRONG_TEXT),
    "maxLength": ("string_too_long", "max_length", lambda limit: "long" * limit),
}


def make_input_problem(operation: Operation) -> InputProblem:
    """Return the problem that the service would report if a rule were broken."""
    return next(_list_problems(operation))


def _list_problems(operation: Operation) -> Iterator[InputProblem]:
    if JSON in operation.bodies:
        yield from _break_body(operation, JSON)
    yield from _break_parameters(operation, "query")
    if FORM in operation.bodies:
        yield from _break_body(operation, FORM)
    yield from _break_parameters(operation, "path")
    yield from _break_parameters(operation, "header")
    yield from _translate("dict_type", {}, [], ("body",))


def _break_parameters(operation: Operation, place: str) -> Iterator[InputProblem]:
    schemas = {
        parameter["name"]: parameter["schema"]
        for parameter in operation.parameters
        if parameter["in"] == place
    }
    return _break_values(place, schemas, is_text=True)


def _break_body(operation: Operation, content_type: str) -> Iterator[InputProblem]:
    schema = operation.resolve(operation.bodies[content_type]["schema"])
    fields = schema.get("properties", {})
    numbers = {name: field for name, field in fields.items() if "minimum" in str(field).lower()}
    yield from _break_values("body", numbers, is_text=content_type == FORM)
    for name in schema.get("required", []):
        yield from _translate("missing", {}, None, ("body", name))


def _break_values(
    place: str, schemas: dict[str, dict[str, Any]], *, is_text: bool
) -> Iterator[InputProblem]:
    """Yield a problem for each rule of the values; is_text if the request sends them as text."""
    for keyword, (kind, context_name, make_wrong) in _RULES.items():
        for name, schema in schemas.items():
            for candidate in (schema, *schema.get("anyOf", [])):
                limit = candidate.get(keyword)
                if limit is None or (keyword == "pattern" and re.search(limit, _WRONG_TEXT)):
                    continue
                if isinstance(limit, float) and limit.is_integer():
                    limit = int(limit)  # FastAPI writes the limits of integers as fractions
                context = {context_name: _join(limit) if keyword == "enum" else limit}
                wrong = make_wrong(limit)
                yield from _translate(
                    kind, context, str(wrong) if is_text else wrong, (place, name)
                )


def _translate(
    kind: str, context: dict[str, Any], wrong: object, loc: tuple[str, ...]
) -> list[InputProblem]:
    known = PydanticKnownError(kind, context)  # type: ignore[arg-type]  # one of pydantic's names
    item = {"type": kind, "msg": known.message(), "ctx": context, "input": wrong, "loc": loc[1:]}
    return list_problems([item], None, locate=lambda path: (loc[0], *path))


def _join(values: list[str]) -> str:
    *first, last = (f"'{value}'" for value in values)
    return f"{', '.join(first)} or {last}" if first else last
