"""Parse model references: `name`, `name@alias` or `name:version`."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from app.errors import InputProblem, ValidationFailed
from app.web.schemas import ALIAS_PATTERN, NAME_PATTERN, RESERVED_NAMES

CHAMPION = "champion"
"""The alias that a bare name selects, if the model has it."""

MAX_VERSION = 999_999_999

_NAME, _ALIAS = NAME_PATTERN.strip("^$"), ALIAS_PATTERN.strip("^$")
_VERSION = "[1-9][0-9]{0,8}"
_FORMS = ("name", "name@alias", "name:version")

ReferenceText = Annotated[
    str,
    Field(
        max_length=160,
        description="A model reference: `name` (its `champion` alias, otherwise its newest "
        "version), `name@alias` or `name:version`.",
        examples=["ants-and-bees@champion"],
        json_schema_extra={"pattern": f"^{_NAME}(@{_ALIAS}|:{_VERSION})?$"},
    ),
]


@dataclass(frozen=True)
class ModelReference:
    """A parsed reference; at most one of alias and version is set."""

    name: str
    alias: str | None = None
    version: int | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"{self.name}:{self.version}"
        return f"{self.name}@{self.alias}" if self.alias is not None else self.name


def parse_reference(text: str, *, loc: tuple[str | int, ...] = ("body", "model")) -> ModelReference:
    """Parse a reference; raises ValidationFailed at `loc`, with the invalid part."""
    name, mark, rest = _split(text)
    if name in RESERVED_NAMES:
        raise _invalid(loc, f"'{name}' is reserved and cannot be a model")
    if not re.fullmatch(_NAME, name):
        raise _invalid(
            loc,
            "a model's name is 1 to 63 lower-case letters, digits, '.', '_' and '-', "
            "the first a letter or digit",
        )
    if mark == "@":
        if not re.fullmatch(_ALIAS, rest):
            raise _invalid(
                loc, "after '@' an alias must follow: like a name, but starting with a letter"
            )
        return ModelReference(name, alias=rest)
    if mark == ":":
        if not re.fullmatch(_VERSION, rest):
            raise _invalid(loc, f"after ':' a version must follow, 1 to {MAX_VERSION}")
        return ModelReference(name, version=int(rest))
    return ModelReference(name)


def _split(text: str) -> tuple[str, str, str]:
    name, *mark_and_rest = re.split("([@:])", text, maxsplit=1)
    mark, rest = mark_and_rest or ("", "")
    return name, mark, rest


def _invalid(loc: tuple[str | int, ...], message: str) -> ValidationFailed:
    where = ".".join(map(str, loc[1:]))
    return ValidationFailed(InputProblem(loc, f"`{where}`: {message}.", _FORMS))
