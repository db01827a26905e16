"""The page on assistants agrees with the server."""

import json
from typing import Any

import typer

from graft_client.commands.assistants import app
from tests.conftest import REPOSITORY
from tests.documents import read_blocks
from tests.unit.client.mcp.conftest import Assistant

PAGE = REPOSITORY / "docs" / "how-to" / "agents.md"


def test_the_page_lists_the_tools_as_the_server_does(assistant: Assistant) -> None:
    tools = assistant.run(lambda client: client.list_tools()).tools
    rows = ["| tool | effect | |", "|---|---|---|"]
    for tool in tools:
        hints = tool.annotations
        assert hints is not None
        assert tool.description is not None
        effect = "changes" if hints.destructive_hint else "adds"
        effect = "reads" if hints.read_only_hint else effect
        summary = " ".join(tool.description.partition("\n\n")[0].split())
        rows.append(f"| `{tool.name}` | {effect} | {summary} |")
    table = "\n".join(rows)
    assert table in PAGE.read_text(encoding="utf-8"), f"put this table into the page:\n{table}"


def test_the_configurations_start_commands_that_exist() -> None:
    decoder = json.JSONDecoder()
    text, servers = read_blocks(PAGE, "json").strip(), []
    while text:
        content, end = decoder.raw_decode(text)
        servers += content["mcpServers"].values()
        text = text[end:].strip()
    assert len(servers) == 3
    command: Any = typer.main.get_command(app)
    for server in (one for one in servers if "command" in one):
        name, *arguments = server["args"]
        assert (server["command"].rpartition("/")[2], name) == ("graft", "mcp")
        command.make_context("mcp", arguments)
    (over_http,) = (one for one in servers if "url" in one)
    assert over_http["url"] == "http://127.0.0.1:8765/mcp"
