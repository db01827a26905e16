"""A server in the test's process, for a service whose answers the test configures."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from mcp import Client
from mcp.client.session import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent

from graft_client.mcp.folders import AllowedFolders
from graft_client.mcp.server import make_server
from tests.unit.client.conftest import Service

ResultT = TypeVar("ResultT")
Answer = Callable[[str], ElicitResult]


@dataclass
class Assistant:
    """A client of the server; `answer`, if given, is the person who answers its questions."""

    url: str
    folder: Path
    answer: Answer | None = None
    mode: str = "auto"
    questions: list[str] = field(default_factory=list)
    progress: list[tuple[float, float | None, str | None]] = field(default_factory=list)

    def run(self, use: Callable[[Client], Awaitable[ResultT]]) -> ResultT:
        async def session() -> ResultT:
            server = make_server(self.url, AllowedFolders([self.folder]))
            callback = None if self.answer is None else self._elicit
            async with Client(server, mode=self.mode, elicitation_callback=callback) as client:
                return await use(client)

        return asyncio.run(session())

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        return self.run(
            lambda client: client.call_tool(tool, arguments, progress_callback=self._report)
        )

    def get(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the structured answer of a tool, which must succeed."""
        result = self.call(tool, **arguments)
        assert not result.is_error, text_of(result)
        assert result.structured_content is not None
        return dict(result.structured_content)

    def fail(self, tool: str, **arguments: Any) -> str:
        """Return the sentence that a call is refused with."""
        result = self.call(tool, **arguments)
        assert result.is_error
        return text_of(result)

    async def _elicit(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        del context
        assert self.answer is not None
        self.questions.append(params.message)
        return self.answer(params.message)

    async def _report(self, progress: float, total: float | None, message: str | None) -> None:
        self.progress.append((progress, total, message))


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@pytest.fixture
def assistant(service: Service, tmp_path: Path) -> Assistant:
    return Assistant(service.url, tmp_path)
