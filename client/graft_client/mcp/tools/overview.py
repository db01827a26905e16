"""The tool for the service as a whole."""

from graft_client.mcp.context import ToolContext, graft_of
from graft_client.mcp.tools.kinds import Kind, Specification
from graft_client.schemas.service import Overview


async def get_overview(context: ToolContext) -> Overview:
    """Get counts of datasets, jobs and models, the serving model, and what needs attention.

    Start here.
    """
    return await graft_of(context).overview()


TOOLS = (Specification(get_overview, Kind.READS),)
