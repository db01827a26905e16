"""Describe the bodies of the OpenAPI document: types in words, tables of fields, examples."""

import json
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_REF = "#/components/schemas/"
_BOUNDS = (
    ("minimum", "≥"),
    ("exclusiveMinimum", ">"),
    ("maximum", "≤"),
    ("exclusiveMaximum", "<"),
    ("minLength", "length ≥"),
    ("maxLength", "length ≤"),
    ("minItems", "items ≥"),
    ("maxItems", "items ≤"),
)
_MAX_DEPTH = 6


class Bodies:
    """The schemas of a document, by name."""

    def __init__(self, document: Schema) -> None:
        self.schemas: dict[str, Schema] = document["components"]["schemas"]

    def find(self, schema: Schema) -> Schema:
        """Return the schema that a reference names; any other schema is returned as it is."""
        reference = schema.get("$ref")
        return self.schemas[reference.removeprefix(_REF)] if reference else schema

    def name_type(self, schema: Schema, *, page: str) -> str:
        """Return a type in words, with links to the bodies' page.

        page: that page relative to the one that is written; empty if it is the same.
        """
        if reference := schema.get("$ref"):
            name = reference.removeprefix(_REF)
            return f"[{name}]({page}#{anchor_of(name)})"
        if "const" in schema:
            return f"`{json.dumps(schema['const'])}`"
        if "enum" in schema:
            return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return " or ".join(
                    dict.fromkeys(self.name_type(one, page=page) for one in schema[key])
                )
        kind = schema.get("type", "any JSON")
        if kind == "array":
            return f"list of {self.name_type(schema.get('items', {}), page=page)}"
        if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
            return f"object of {self.name_type(schema['additionalProperties'], page=page)}"
        return f"file ({schema['format']})" if schema.get("format") == "binary" else str(kind)

    def list_fields(self, schema: Schema, *, page: str) -> list[str]:
        """Return the lines of a table with one field a row; empty if the schema has none."""
        fields = self.find(schema).get("properties", {})
        if not fields:
            return []
        required = self.find(schema).get("required", [])
        rows = ["| field | type | meaning |", "|---|---|---|"]
        for name, field in fields.items():
            words = [in_cell(field.get("description", self.find(field).get("description", "")))]
            words.append(_describe_bounds(field))
            if field.get("default") is not None:
                words.append(f"Default: `{json.dumps(field['default'])}`.")
            elif name in required:
                words.append("Always there.")
            kind = in_cell(self.name_type(field, page=page))
            rows.append(f"| `{name}` | {kind} | {' '.join(filter(None, words))} |")
        return rows

    def make_example(self, schema: Schema, depth: int = 0) -> Any:
        """Return an example from the examples of the fields; None where it would be endless."""
        if "example" in schema:
            return schema["example"]
        if schema.get("examples"):
            return schema["examples"][0]
        schema = self.find(schema)
        if depth > _MAX_DEPTH:
            return None
        if schema.get("examples"):
            return schema["examples"][0]
        if "properties" in schema:
            return {
                name: self.make_example(field, depth + 1)
                for name, field in schema["properties"].items()
            }
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self.make_example(schema[key][0], depth + 1)
        if schema.get("type") == "array":
            return [self.make_example(schema.get("items", {}), depth + 1)]
        return schema.get("const", schema.get("default", (schema.get("enum") or [None])[0]))


def anchor_of(name: str) -> str:
    """Return the anchor of a heading that is a name of a schema."""
    return name.lower()


def in_cell(text: str) -> str:
    """Return a text as the cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _describe_bounds(field: Schema) -> str:
    options = [field, *field.get("anyOf", [])]
    bounds = [
        f"{sign} {option[key]}" for option in options for key, sign in _BOUNDS if key in option
    ]
    return f"Allowed: {', '.join(bounds)}." if bounds else ""
