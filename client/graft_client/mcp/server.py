"""The server of the Model Context Protocol: its tools, over standard input and output or HTTP."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from importlib.metadata import version

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.tools import Tool
from mcp.server.transport_security import TransportSecuritySettings

from graft_client.asynchronous.graft import AsyncGraft
from graft_client.mcp.context import Reach
from graft_client.mcp.folders import MAX_IMAGE_BYTES, AllowedFolders
from graft_client.mcp.tools import (
    datasets,
    models,
    overview,
    predictions,
    results,
    training,
)
from graft_client.mcp.tools.kinds import Specification, make_tool

INSTRUCTIONS = """\
Graft fine-tunes image classifiers on labelled images, and serves them.

The usual way: `get_overview`; `upload_dataset` or `list_datasets`; `get_dataset` and its findings;
`get_advice`; `train` with the advice's options; `watch_job` until it is finished; `get_report`;
`compare_jobs` with an earlier job; `promote_model`; `predict`.

Work runs in the background. A tool that waits returns after at most `wait_seconds`; call it again.
Accuracies are 0-1. Say them with their interval and the number of images."""

SPECIFICATIONS: tuple[Specification, ...] = (
    *overview.TOOLS,
    *datasets.TOOLS,
    *training.TOOLS,
    *results.TOOLS,
    *predictions.TOOLS,
    *models.TOOLS,
)
"""Every tool, in the order in which clients list them."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound
_MAX_BODY_BYTES = MAX_IMAGE_BYTES * 3 // 2
"""Room for an image in base64."""


def make_server(url: str | None, folders: AllowedFolders) -> MCPServer[Reach]:
    """Return the server, which runs once, for the service at an address; raises InvalidAddress."""
    reach = Reach(AsyncGraft(url), folders)
    return MCPServer(
        "graft",
        title="Graft",
        instructions=INSTRUCTIONS,
        version=version("graft-client"),
        tools=_make_tools(),
        lifespan=_lifespan_of(reach),
        log_level="WARNING",
        warn_on_duplicate_tools=True,
    )


async def serve_http(server: MCPServer[Reach], host: str, port: int) -> None:
    """Serve over streamable HTTP until SIGINT or SIGTERM."""
    await server.run_streamable_http_async(
        host=host,
        port=port,
        max_request_body_size=_MAX_BODY_BYTES,
        transport_security=_security_of(host),
    )


@cache
def _make_tools() -> list[Tool]:
    """Return the tools, which have no state; building their schemas takes a while."""
    return [make_tool(one) for one in SPECIFICATIONS]


def _lifespan_of(
    reach: Reach,
) -> Callable[[MCPServer[Reach]], AbstractAsyncContextManager[Reach]]:
    @asynccontextmanager
    async def lifespan(_: MCPServer[Reach]) -> AsyncIterator[Reach]:
        async with reach.graft:
            yield reach

    return lifespan


def _security_of(host: str) -> TransportSecuritySettings | None:
    """Return which names a request may use for this host, against rebound names of other sites.

    A server on every address cannot know its names.
    """
    if host in _ANY_ADDRESS:
        return None
    names = [f"[{one}]" if ":" in one else one for one in {*LOOPBACK, host}]
    return TransportSecuritySettings(
        allowed_hosts=[f"{one}:*" for one in names],
        allowed_origins=[f"http://{one}:*" for one in names],
    )
