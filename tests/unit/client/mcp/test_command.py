"""The command `graft mcp`: what it loads, and how it refuses to start."""

import socket
import subprocess
import sys
from pathlib import Path

from tests.unit.client.test_distribution import modules_after


def run_mcp(*arguments: str, program: str = "pass") -> subprocess.CompletedProcess[str]:
    """Run the command, after some statements; it must end by itself."""
    code = f"import sys; {program}; from graft_client.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "mcp", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], expected: str) -> None:
    assert done.returncode == 2
    assert done.stdout == ""
    assert expected in done.stderr
    assert done.stderr.startswith("graft: ")
    assert done.stderr.count("\n") == 1


def test_other_commands_do_not_load_the_protocol() -> None:
    loaded = modules_after("--help")
    assert [name for name in ("mcp", "pydantic", "starlette") if name in loaded] == []


def test_without_the_package_it_says_what_to_install() -> None:
    assert_refused(run_mcp(program="sys.modules['mcp'] = None"), "'graft-client[mcp]'")


def test_a_folder_must_exist(tmp_path: Path) -> None:
    assert_refused(run_mcp("--allow", str(tmp_path / "nothing")), "is not a folder")


def test_a_busy_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert_refused(run_mcp("--http", "--port", port), f"cannot listen on 127.0.0.1:{port}")


def test_it_ends_when_its_input_ends() -> None:
    done = run_mcp("--url", "http://127.0.0.1:9")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_wrong_address_is_refused_before_the_first_call() -> None:
    assert_refused(run_mcp("--url", "ftp://x"), "The address is 'ftp://x'")
