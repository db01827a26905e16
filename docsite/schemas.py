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
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if values is not None:
            return ", ".join(f"`{json.dumps(value)}`" for value in values)
        if options := _list_options(schema):
            return " or ".join(dict.fromkeys(self.name_type(one, page=page) for one in options))
        return self._name_plain_type(schema, page=page)

    def _name_plain_type(self, schema: Schema, *, page: str) -> str:
        kind = str(schema.get("type", "any JSON"))
        if kind == "array":
            return f"list of {self.name_type(schema.get('items', {}), page=page)}"
        if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
            return f"object of {self.name_type(schema['additionalProperties'], page=page)}"
        return "file" if schema.get("format") == "binary" else kind

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
        found = self.find(schema)
        given = [*_list_examples(schema), *_list_examples(found)]
        if given or depth > _MAX_DEPTH:
            return given[0] if given else None
        if "properties" in found:
            fields = found["properties"].items()
            return {name: self.make_example(field, depth + 1) for name, field in fields}
        if options := _list_options(found):
            return self.make_example(options[0], depth + 1)
        if found.get("type") == "array":
            return [self.make_example(found.get("items", {}), depth + 1)]
        return found.get("const", found.get("default", (found.get("enum") or [None])[0]))


def anchor_of(name: str) -> str:
    """Return the anchor of a heading that is a name of a schema."""
    return name.lower()


def in_cell(text: str) -> str:
    """Return a text as the cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _list_options(schema: Schema) -> list[Schema]:
    return [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, [])]


def _list_examples(schema: Schema) -> list[Any]:
    return [schema["example"]] if "example" in schema else list(schema.get("examples", []))


def _describe_bounds(field: Schema) -> str:
    options = [field, *field.get("anyOf", [])]
    bounds = [
        f"{sign} {_write_number(option[key])}"
        for option in options
        for key, sign in _BOUNDS
        if key in option
    ]
    return f"Allowed: {', '.join(bounds)}." if bounds else ""


def _write_number(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)
