"""Validate the form fields of a dataset upload and describe them for OpenAPI."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from pydantic import Field, Json, ValidationError

from app.errors import ValidationFailed
from app.web.input_problems import list_problems
from app.web.json_body import parse_json
from app.web.schemas import ApiModel, Metadata, Name, make_file_form_schema, slug

_ARCHIVE_SUFFIXES = (".tar.zst", ".tar.gz", ".tzst", ".tar", ".tgz", ".zip")


class _SplitFields(ApiModel):
    val_fraction: float = Field(
        0.2,
        gt=0,
        le=0.9,
        description="Share of each class that becomes the validation split; used if the archive "
        "has no splits.",
        examples=[0.2],
    )
    split_seed: int = Field(
        0, ge=0, lt=2**32, description="Seed of the train/validation split.", examples=[0]
    )


class UploadForm(_SplitFields):
    """The form fields of an upload, without the file."""

    name: Name
    metadata: Json[Metadata] = Field(
        default_factory=dict,
        description="Up to 16 metadata entries, as a JSON object.",
        examples=['{"team": "ants"}'],
    )


class DatasetRequest(_SplitFields):
    """A request to make a dataset of a finished resumable upload."""

    upload_id: str = Field(
        max_length=40,
        description="Id of a finished upload (see `POST /uploads`); it can be used once.",
        examples=["upl_01k0w1rhzemcbybsywa1w8p9"],
    )
    name: Name | None = Field(
        None, description="Default: made from the upload's file name.", examples=["ants-and-bees"]
    )
    metadata: Metadata = Field(
        default_factory=dict, description="Up to 16 key-value pairs of your own."
    )


def parse_request(body: bytes) -> DatasetRequest:
    """Parse a JSON body; raises BadJson, ValidationFailed."""
    try:
        return DatasetRequest.model_validate(parse_json(body))
    except ValidationError as error:
        raise ValidationFailed(*list_problems(error.errors(), DatasetRequest)) from error


def parse_form(fields: Mapping[str, str], *, filename: str) -> UploadForm:
    """Validate the fields of an upload; empty fields, as browsers send them, count as absent.

    The default of `name` comes from the file name. Raises ValidationFailed.
    """
    given = {name: text for name, text in fields.items() if text}
    try:
        return UploadForm.model_validate({"name": name_of(filename)} | given)
    except ValidationError as error:
        raise ValidationFailed(*list_problems(error.errors(), UploadForm)) from error


def name_of(filename: str) -> str:
    """Return the default name of a dataset, made from its archive's file name."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    for suffix in _ARCHIVE_SUFFIXES:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
            break
    return slug(name, fallback="dataset")


def form_schema() -> dict[str, Any]:
    """Return the JSON schema of the form with its archive."""
    return make_file_form_schema(
        UploadForm,
        title="Upload",
        file="A zip, tar, tar.gz or tar.zst with the folders `train/<class>/…` and "
        "`val/<class>/…`, or `<class>/…` alone.",
    )
