"""Make a tool of a function: its hints, strict arguments, and errors as sentences."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from inspect import getdoc
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations
from pydantic import ValidationError

from graft_client.errors import GraftError
from graft_client.mcp.sentences import sentence_of, sentences_of


class Kind(Enum):
    """What a tool does to the service."""

    READS = "reads"
    ADDS = "adds"
    CHANGES = "changes"


_HINTS: dict[Kind, dict[str, bool]] = {
    Kind.READS: {"read_only_hint": True, "idempotent_hint": True},
    Kind.ADDS: {"read_only_hint": False, "destructive_hint": False, "idempotent_hint": False},
    Kind.CHANGES: {"read_only_hint": False, "destructive_hint": True, "idempotent_hint": False},
}


@dataclass(frozen=True)
class Specification:
    """A function that becomes a tool of the same name; its docstring is the description."""

    function: Callable[..., Any]
    kind: Kind


class GraftTool(Tool):
    """A tool that refuses unknown arguments, and whose errors are short sentences."""

    async def run(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False
    ) -> Any:
        try:
            return await super().run(arguments, context, convert_result)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, GraftError | OSError):
                raise ToolError(sentence_of(cause)) from cause
            if isinstance(cause, ValidationError) and not isinstance(error, UnexpectedToolError):
                known = list(self.parameters["properties"])
                raise ToolError(sentences_of(cause, self.name, known)) from cause
            if isinstance(cause, ToolError) and not isinstance(error, UnexpectedToolError):
                raise ToolError(str(cause)) from cause
            raise


def make_tool(specification: Specification) -> Tool:
    """Return the tool of a function."""
    function = specification.function
    name = function.__name__
    annotations = ToolAnnotations(
        title=name.replace("_", " ").capitalize(),
        open_world_hint=False,
        **_HINTS[specification.kind],
    )
    tool: Tool = GraftTool.from_function(
        function,
        title=annotations.title,
        description=getdoc(function),
        annotations=annotations,
        structured_output=True,
    )
    # A misspelt argument would otherwise be ignored.
    model = tool.fn_metadata.arg_model
    model.model_config["extra"] = "forbid"
    model.model_rebuild(force=True)
    tool.parameters = _without_titles(model.model_json_schema(by_alias=True))
    metadata = tool.fn_metadata
    metadata.output_schema = _without_titles(metadata.output_schema)
    return tool


def _without_titles(schema: Any) -> Any:
    """Return a JSON schema without titles, which repeat the names of the fields."""
    if isinstance(schema, list):
        return [_without_titles(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_titles(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }
