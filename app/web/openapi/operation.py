"""A view of one operation of the OpenAPI document."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")

_REFERENCE = "#/components/schemas/"


@dataclass(frozen=True)
class Operation:
    """One operation: its content in the document, and the schemas that it may refer to."""

    method: str
    path: str
    content: dict[str, Any]
    schemas: dict[str, Any]

    @property
    def id(self) -> str:
        """The operation id."""
        return str(self.content["operationId"])

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """The parameters in the path, the query and the headers."""
        return list(self.content.get("parameters", []))

    @property
    def path_values(self) -> dict[str, str]:
        """An example of each path parameter."""
        return {
            parameter["name"]: str(parameter["schema"].get("examples", [parameter["name"]])[0])
            for parameter in self.parameters
            if parameter["in"] == "path"
        }

    @property
    def example_path(self) -> str:
        """The path with examples in place of its parameters."""
        return self.path.format_map(self.path_values)

    @property
    def bodies(self) -> dict[str, Any]:
        """The request's media types by content type."""
        return dict(self.content.get("requestBody", {}).get("content", {}))

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema itself, or the component that it refers to."""
        reference = schema.get("$ref", "")
        return dict(self.schemas[name_of(reference)]) if reference else schema


def list_operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield the operations of a document; changes to their content change the document."""
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(method.upper(), path, item[method], schemas)


def name_of(reference: str) -> str:
    """Return the name of the component schema that a reference points to."""
    return reference.removeprefix(_REFERENCE)


def reference_to(name: str) -> dict[str, str]:
    """Return a reference to a component schema."""
    return {"$ref": f"{_REFERENCE}{name}"}
