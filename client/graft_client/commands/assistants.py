"""The command `graft mcp`."""

import asyncio
import socket
from pathlib import Path
from typing import Annotated

import typer

from graft_client.console.reporting import refuse, report

app = typer.Typer()

_DEFAULT_PORT = 8765
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@app.command("mcp")
def serve_tools(
    *,
    allow: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="A folder whose files the assistant may upload and classify; repeatable.",
            show_default="the working directory",
        ),
    ] = None,
    http: Annotated[
        bool,
        typer.Option("--http", help="Serve over HTTP instead of standard input and output."),
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on, with `--http`.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port to listen on, with `--http`.")
    ] = _DEFAULT_PORT,
    url: Annotated[
        str, typer.Option("--url", envvar="GRAFT_URL", help="Address of the service.")
    ] = "http://127.0.0.1:8000",
) -> None:
    """Give assistants and agents the tools to use the service."""
    try:
        import mcp as _  # noqa: F401, PLC0415 - an extra, and slow to import
    except ImportError:
        refuse("`graft mcp` needs the package mcp: run `pip install 'graft-client[mcp]'`.")
    from graft_client.errors import GraftError  # noqa: PLC0415 - with httpx, as above
    from graft_client.mcp.folders import AllowedFolders  # noqa: PLC0415 - as above
    from graft_client.mcp.server import make_server, serve_http  # noqa: PLC0415 - as above

    try:
        folders = AllowedFolders(allow or [Path.cwd()])
        server = make_server(url, folders)
    except GraftError as error:
        report(error)
    try:
        if http:
            _require_free(host, port)
            _announce(host, port, url, folders)
            asyncio.run(serve_http(server, host, port))
        else:
            asyncio.run(server.run_stdio_async())
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _require_free(host: str, port: int) -> None:
    """End the command unless it can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            refuse(f"cannot listen on {host}:{port} ({error.strerror}); choose another `--port`.")


def _announce(host: str, port: int, url: str, folders: object) -> None:
    name = f"[{host}]" if ":" in host else host
    typer.echo(
        f"Tools for {url} at http://{name}:{port}/mcp; files from {folders}. Ctrl-C stops it.",
        err=True,
    )
    if host not in _LOOPBACK:
        typer.echo(
            f"graft: whoever reaches {host}:{port} can use every tool and read the images in these "
            "folders; there is no password.",
            err=True,
        )
