"""Describe request bodies so that Swagger UI and clients handle each field by its type."""

import json
from typing import Any

from app.web.content_types import FORM, JSON
from app.web.openapi.operation import Operation, reference_to


def complete_bodies(operation: Operation) -> None:
    """Name the JSON bodies that a route describes itself, and describe nested form fields."""
    for content_type, media in operation.bodies.items():
        schema = _lift_definitions(media["schema"], operation.schemas)
        if content_type == FORM:
            _describe_fields(media, schema)
        elif "properties" in schema:
            operation.schemas[schema["title"]] = schema
            schema = reference_to(schema["title"])
        elif schema.get("title") == "Body":
            del schema["title"]  # FastAPI's, of a body that is no model
        media["schema"] = schema


def _lift_definitions(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Move the definitions of a schema to the document's components."""
    text = json.dumps(schema).replace("#/$defs/", "#/components/schemas/")
    lifted: dict[str, Any] = json.loads(text)
    schemas |= lifted.pop("$defs", {})
    return lifted


def _describe_fields(media: dict[str, Any], schema: dict[str, Any]) -> None:
    """Describe fields of JSON text as what is in the text; otherwise Swagger UI asks for a file."""
    fields = schema["properties"]
    nested = [name for name, field in fields.items() if field.get("contentMediaType") == JSON]
    for name in nested:
        field = fields[name]
        fields[name] = {
            **field["contentSchema"],
            "title": field["title"],
            "description": field["description"],
            "examples": [json.loads(example) for example in field["examples"]],
        }
    if nested:
        media["encoding"] = {name: {"contentType": JSON} for name in nested}
