"""Schemas that all resources share."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from app.web.text import TEXT_PATTERN

RESERVED_NAMES = frozenset({"imagenet", "none"})
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
ALIAS_PATTERN = r"^[a-z][a-z0-9._-]{0,62}$"


def _refuse_reserved(name: str) -> str:
    if name in RESERVED_NAMES:
        raise ValueError(f"'{name}' is reserved")
    return name


Name = Annotated[
    str,
    Field(
        pattern=NAME_PATTERN,
        description="Lower-case letters, digits, '.', '_' and '-', at most 63; "
        "'imagenet' and 'none' are reserved.",
        examples=["ants-and-bees"],
    ),
    AfterValidator(_refuse_reserved),
]
AliasName = Annotated[
    str, Field(pattern=ALIAS_PATTERN, description="Like a name, but starts with a letter.")
]

Metadata = Annotated[
    dict[
        Annotated[str, Field(max_length=64, pattern=TEXT_PATTERN)],
        Annotated[str, Field(max_length=512, pattern=TEXT_PATTERN)],
    ],
    Field(
        max_length=16,
        description="Up to 16 key-value pairs of your own.",
        examples=[{"team": "ants"}],
    ),
]


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


UtcTime = Annotated[
    datetime,
    PlainSerializer(_utc, return_type=str, when_used="json"),
    Field(examples=["2026-11-22T17:31:04.098Z"]),
]


class ApiModel(BaseModel):
    """Base of all bodies of the API; it rejects unknown fields and non-finite numbers."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, from_attributes=True)


class RequestModel(ApiModel):
    """Base of JSON bodies of requests: a number is a JSON number, not a string or a boolean."""

    model_config = ConfigDict(strict=True)


def make_file_form_schema(form: type[BaseModel], *, title: str, file: str) -> dict[str, Any]:
    """Return the JSON schema of a form with a file, for which Swagger UI shows a file chooser.

    form has the other fields; file describes the file.
    """
    schema = form.model_json_schema()
    field = {"type": "string", "format": "binary", "description": file}
    return schema | {
        "title": title,
        "required": ["file"],
        "properties": {"file": field} | schema["properties"],
    }


T = TypeVar("T")


class Page(ApiModel, Generic[T]):
    """One page of a list, newest first."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    data: list[T] = Field(description="The entries of this page.")
    first_id: str | None = Field(
        description="The first entry's id.", examples=["job_01k0w1rhzemcbybsywa1w8p9"]
    )
    last_id: str | None = Field(
        description="The last entry's id: `after` of the next page.",
        examples=["job_01k0w1rhzemcbybsywa1w8p9"],
    )
    has_more: bool = Field(description="`true` if there is a next page.", examples=[False])


def make_page(data: Sequence[T], id_of: Callable[[T], object], *, has_more: bool) -> Page[T]:
    """Make a page of entries; id_of returns the id of an entry, as in `after`."""
    return Page(
        data=list(data),
        first_id=str(id_of(data[0])) if data else None,
        last_id=str(id_of(data[-1])) if data else None,
        has_more=has_more,
    )


def slug(text: str, *, fallback: str) -> str:
    """Convert a text to an allowed name: remove accents, replace other characters by dashes."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9._-]+", "-", ascii_text).strip("-._")[:63]
    return name if name and name not in RESERVED_NAMES else fallback
