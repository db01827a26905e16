"""What every tool can reach: the service, and the allowed folders."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from mcp.server.mcpserver import Context

from graft_client.asynchronous.graft import AsyncGraft
from graft_client.mcp.folders import AllowedFolders


@dataclass(frozen=True)
class Reach:
    """The service that the tools use, and the folders whose files they may send to it."""

    graft: AsyncGraft
    folders: AllowedFolders


ToolContext: TypeAlias = Context[Reach, Any]
"""The context of a call of a tool."""


def reach_of(context: ToolContext) -> Reach:
    """Return what the tool of this call can reach."""
    return context.request_context.lifespan_context


def graft_of(context: ToolContext) -> AsyncGraft:
    """Return the connection to the service."""
    return reach_of(context).graft
