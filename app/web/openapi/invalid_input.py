"""Make an example of an invalid request from the rules that an operation has for its input."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic_core import PydanticKnownError

from app.errors import InputProblem
from app.web.content_types import FORM, JSON
from app.web.input_problems import list_problems
from app.web.openapi.operation import Operation

_Rule = tuple[str, str, Callable[[Any], object]]
"""Pydantic's name of the error, that of the limit, and an input which breaks the limit."""

_RULES: dict[str, _Rule] = {
    "minimum": ("greater_than_equal", "ge", lambda limit: limit - 1),
    "exclusiveMinimum": ("greater_than", "gt", lambda limit: limit),
    "maximum": ("less_than_equal", "le", lambda limit: limit + 1),
    "exclusiveMaximum": ("less_than", "lt", lambda limit: limit),
    "enum": ("literal_error", "expected", lambda _: "other"),
    "pattern": ("string_pattern_mismatch", "pattern", lambda _: "not this!"),
    "maxLength": ("string_too_long", "max_length", lambda limit: "long" * limit),
}


def make_input_problem(operation: Operation) -> InputProblem:
    """Return the problem that the service would report if a rule were broken."""
    return next(_list_problems(operation))


def _list_problems(operation: Operation) -> Iterator[InputProblem]:
    if JSON in operation.bodies:
        yield from _break_body(operation, JSON)
    for place in ("query", "path", "header"):
        for parameter in operation.parameters:
            if parameter["in"] == place:
                loc = (place, parameter["name"])
                yield from _break_value(loc, parameter["schema"], is_text=True)
        if place == "query" and FORM in operation.bodies:
            yield from _break_body(operation, FORM)
    yield from _translate("dict_type", {}, [], ("body",))


def _break_body(operation: Operation, content_type: str) -> Iterator[InputProblem]:
    schema = operation.resolve(operation.bodies[content_type]["schema"])
    for name, field in schema.get("properties", {}).items():
        if "minimum" in str(field).lower():
            loc = ("body", name)
            yield from _break_value(loc, operation.resolve(field), is_text=content_type == FORM)
    for name in schema.get("required", []):
        yield from _translate("missing", {}, None, ("body", name))


def _break_value(
    loc: tuple[str, str], schema: dict[str, Any], *, is_text: bool
) -> Iterator[InputProblem]:
    """Yield a problem for each rule of a value; is_text if the request sends it as text."""
    for candidate in (schema, *schema.get("anyOf", [])):
        for keyword, (kind, context_name, make_wrong) in _RULES.items():
            if keyword in candidate:
                limit = candidate[keyword]
                context = {context_name: _join(limit) if keyword == "enum" else limit}
                wrong = make_wrong(limit)
                yield from _translate(kind, context, str(wrong) if is_text else wrong, loc)


def _translate(
    kind: str, context: dict[str, Any], wrong: object, loc: tuple[str, ...]
) -> list[InputProblem]:
    known = PydanticKnownError(kind, context)  # type: ignore[arg-type]  # one of pydantic's names
    item = {"type": kind, "msg": known.message(), "ctx": context, "input": wrong, "loc": loc[1:]}
    return list_problems([item], None, locate=lambda path: (loc[0], *path))


def _join(values: list[str]) -> str:
    *first, last = (f"'{value}'" for value in values)
    return f"{', '.join(first)} or {last}" if first else last
