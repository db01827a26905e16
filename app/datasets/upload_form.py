"""The fields of an upload: what they may be, and how OpenAPI describes them."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from pydantic import Field, Json, ValidationError

from app.errors import ValidationFailed
from app.web.input_problems import list_problems
from app.web.schemas import ApiModel, Metadata, Name, slug

_ARCHIVE_SUFFIXES = (".tar.zst", ".tar.gz", ".tzst", ".tar", ".tgz", ".zip")


class UploadForm(ApiModel):
    """The fields beside the file in an upload."""

    name: Name
    val_fraction: float = Field(
        0.2,
        gt=0,
        le=0.9,
        description="Share of each class that validates, where the archive has no splits.",
        examples=[0.2],
    )
    split_seed: int = Field(
        0, ge=0, lt=2**32, description="Another seed divides differently.", examples=[0]
    )
    metadata: Json[Metadata] = Field(
        default_factory=dict,
        description="Up to 16 pairs of your own, as a JSON object.",
        examples=['{"team": "ants"}'],
    )


def parse_form(fields: Mapping[str, str], *, filename: str) -> UploadForm:
    """Read the fields of an upload; empty ones, as browsers send them, count as absent.

    The name is made from the file's where it is absent. Raises ValidationFailed.
    """
    given = {name: text for name, text in fields.items() if text}
    try:
        return UploadForm.model_validate({"name": name_of(filename)} | given)
    except ValidationError as error:
        raise ValidationFailed(*list_problems(error.errors(), UploadForm)) from error


def name_of(filename: str) -> str:
    """A dataset's name, made from the name of an archive."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    for suffix in _ARCHIVE_SUFFIXES:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
            break
    return slug(name, fallback="dataset")


def form_schema() -> dict[str, Any]:
    """The form's JSON schema, with a file that Swagger UI shows a chooser for."""
    schema = UploadForm.model_json_schema()
    file = {
        "type": "string",
        "format": "binary",
        "description": "A zip, tar, tar.gz or tar.zst of `train/<class>/…` and `val/<class>/…`, or "
        "of `<class>/…` alone.",
    }
    return schema | {
        "title": "Upload",
        "required": ["file"],
        "properties": {"file": file} | schema["properties"],
    }
