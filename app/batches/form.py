"""Parse the body of POST /predictions: JSON with a dataset, or the form of an archive."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from app.batches.schemas import BatchForm, BatchRequest
from app.errors import ValidationFailed
from app.web.input_problems import list_problems
from app.web.json_body import parse_json
from app.web.schemas import ApiModel

Body = TypeVar("Body", bound=ApiModel)


def parse_request(body: bytes) -> BatchRequest:
    """Parse a JSON body; raises BadJson, ValidationFailed."""
    return _validate(BatchRequest, parse_json(body))


def parse_form(fields: Mapping[str, str]) -> BatchForm:
    """Parse a form's fields; empty ones, as browsers send them, count as absent."""
    return _validate(BatchForm, {name: text for name, text in fields.items() if text})


def _validate(model: type[Body], content: object) -> Body:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ValidationFailed(*list_problems(error.errors(), model)) from error
