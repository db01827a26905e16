"""Translate pydantic's error entries: what is wrong, with the value, and what is allowed.

The entry's location is followed through the model. This gives the names of the other fields for an
unknown one, and removes the tags and type names that pydantic adds to locations within unions.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag

from app.errors import InputProblem
from app.web.suggestions import find_near, join_names, suggest

Loc = tuple[str | int, ...]

MAX_PROBLEMS = 50
"""Limits the response to a body with thousands of unknown fields."""

_MAX_SHOWN = 60
_DETAIL = re.compile(r", unable to parse.*| after validation, not \d+$")
_SUBJECT = re.compile(r"^(Input|String|List|Dictionary|Value|Tuple|Number|Data) should ")


@dataclass(frozen=True)
class _Field:
    """The field of an error entry: its location without union tags, and the model that has it."""

    path: Loc
    model: type[BaseModel] | None


def list_problems(
    items: Iterable[Mapping[str, Any]],
    root: Any,
    *,
    locate: Callable[[Loc], Loc] = lambda path: ("body", *path),
) -> list[InputProblem]:
    """Translate the error entries of a value that was validated as `root`, a type.

    locate converts a path below the value to a location in the request.
    """
    problems = []
    for item in list(items)[:MAX_PROBLEMS]:
        field = _find_field(root, tuple(item["loc"]))
        problems.append(_translate(item, field, locate(field.path)))
    return problems


def _translate(item: Mapping[str, Any], field: _Field, loc: Loc) -> InputProblem:
    if item["type"] == "extra_forbidden":
        return _explain_unknown(_name(loc), field, loc)
    return InputProblem(loc, f"{_explain_value(item, loc)}.", _list_allowed(item))


def _explain_value(item: Mapping[str, Any], loc: Loc) -> str:
    where, context = _name(loc), item.get("ctx") or {}
    match item["type"]:
        case "missing":
            return f"{where} is missing"
        case "model_attributes_type" | "model_type" | "dict_type":
            return f"{where} is {_show(item['input'])}; it must be a JSON object"
        case "value_error":
            return f"{where}: {str(item['msg']).removeprefix('Value error, ')}"
        case "union_tag_not_found":
            return f"{where} has no {context['discriminator']}"
        case "union_tag_invalid":
            where = _name((*loc, context["discriminator"].strip("'")))
            return (
                f"{where} is {_show(context['tag'])}; it must be one of {context['expected_tags']}"
            )
    rule, has_subject = _SUBJECT.subn("it must ", _DETAIL.sub("", str(item["msg"])))
    return f"{where} is {_show(item['input'])}; {rule}" if has_subject else f"{where}: {rule}"


def _explain_unknown(where: str, field: _Field, loc: Loc) -> InputProblem:
    if field.model is None:
        return InputProblem(loc, f"{where} is not a field here.")
    tag = field.model.model_fields.get("name")
    variant = tag.default if tag is not None and isinstance(tag.default, str) else None
    names = [
        other.alias or name
        for name, other in field.model.model_fields.items()
        if variant is None or name != "name"
    ]
    wrong = str(field.path[-1])
    hint, allowed = suggest(wrong, names, listed_at="/docs")
    inner = find_near(wrong, _list_inner_names(field.model))
    if inner and not find_near(wrong, names):
        hint, allowed = f"did you mean {join_names(inner)}?", inner
    kind_of = "known" if loc[0] == "query" else "a field"
    place = f"of {variant}" if variant else "here"
    return InputProblem(loc, f"{where} is not {kind_of} {place}; {hint}", allowed)


def _list_inner_names(model: type[BaseModel]) -> list[str]:
    """Return the dotted names of the fields of a model's nested models."""
    return [
        f"{name}.{inner}"
        for name, field in model.model_fields.items()
        for kind, _ in _list_members(field.annotation)
        if _is_model(kind)
        for inner in kind.model_fields
        if inner != "name"
    ]


def _list_allowed(item: Mapping[str, Any]) -> tuple[str, ...] | None:
    context: Mapping[str, Any] = item.get("ctx") or {}
    for key in ("expected", "expected_tags"):
        if key in context:
            parts = str(context[key]).replace(" or ", ",").split(",")
            return tuple(part.strip(" '") for part in parts)
    if "pattern" in context:
        return (f"text matching {context['pattern']}",)
    signs = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
    return tuple(f"{sign} {context[key]}" for key, sign in signs if key in context) or None


def _name(loc: Loc) -> str:
    """Return the name of a location, for the beginning of a sentence."""
    name = ".".join(map(str, loc[1:]))[:100]
    if not name:
        return f"The {loc[0]}" if loc else "The body"
    kinds = {"query": "The query parameter ", "path": "The path's ", "header": "The header "}
    return f"{kinds.get(str(loc[0]), '')}`{name}`"


def _show(value: object) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, str | int | float | bool | None):
        text = json.dumps(value)
        return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
    return "something else"


def _find_field(root: Any, loc: Loc) -> _Field:
    path: list[str | int] = []
    current, model = root, None
    for key in loc:
        members = dict(_list_members(current))
        if len(members) > 1:
            tagged = next((kind for kind, tag in members.items() if _is_tag(key, kind, tag)), None)
            if tagged is not None:
                current = tagged
                continue
        kind = next(iter(members), None)
        model = kind if _is_model(kind) else None
        path.append(key)
        current = _step(kind, key)
    return _Field(tuple(path), model)


def _list_members(annotation: Any, tag: str | None = None) -> Iterable[tuple[Any, str | None]]:
    """Yield the alternatives of a type except None, each with its tag or None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        tag = next((entry.tag for entry in metadata if isinstance(entry, Tag)), tag)
        yield from _list_members(inner, tag)
    elif origin in {Union, UnionType}:
        for member in get_args(annotation):
            yield from _list_members(member, tag)
    elif annotation is not type(None):
        yield annotation, tag


def _is_tag(key: str | int, kind: Any, tag: str | None) -> bool:
    """Return whether pydantic uses this key for the alternative in an error's location."""
    if tag is not None:
        return key == tag
    if not _is_model(kind):
        return False
    return any(field.default == key for field in kind.model_fields.values())


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _step(kind: Any, key: str | int) -> Any:
    """Return the type of the value under a key of this type; None if unknown."""
    if _is_model(kind):
        fields = kind.model_fields
        named = (field for name, field in fields.items() if key in {name, field.alias})
        field = next(named, None)
        return field.annotation if field is not None else None
    arguments = get_args(kind)
    origin = get_origin(kind)
    if origin is dict:
        return arguments[1]
    return arguments[0] if origin in {list, tuple} else None
