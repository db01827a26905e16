"""The client is a distribution of its own, which needs neither torch nor the service."""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, entry_points
from typing import Any

import pytest
import typer

import graft_client
from app.cli import app as service_app
from graft_client.console.service_commands import ENTRY_POINT_GROUP, SERVICE_COMMANDS
from tests.conftest import REPOSITORY

SERVER_ONLY = ("torch", "fastapi", "sqlalchemy", "pydantic_settings", "matplotlib", "app", "worker")

RUN_AND_LIST_MODULES = """
import json, sys
from graft_client.cli import main
sys.argv = ["graft", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)))
"""


def modules_after(*arguments: str) -> set[str]:
    """Return the modules that a command has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", RUN_AND_LIST_MODULES, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [("--help",), ("events", "pets", "--url", "http://127.0.0.1:9")]
)
def test_a_client_command_loads_nothing_of_the_server(arguments: tuple[str, ...]) -> None:
    loaded = modules_after(*arguments)
    assert "graft_client.console.group" in loaded
    assert [name for name in SERVER_ONLY if name in loaded] == []


def loaded_by(program: str) -> set[str]:
    """Return the modules that a program has loaded."""
    command = [sys.executable, "-c", f"{program}; import sys; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_package_loads_nothing_until_a_name_is_used() -> None:
    assert not {"httpx", "pydantic"} & loaded_by("import graft_client, graft_client.errors")
    loaded = loaded_by("from graft_client import Graft; Graft('http://127.0.0.1:9')")
    assert "httpx" in loaded
    heavy = {"pandas", "matplotlib", "PIL", "numpy", "IPython", *SERVER_ONLY}
    assert heavy & loaded == set()


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in graft_client.__all__ if not hasattr(graft_client, name)] == []
    assert set(graft_client.__all__) <= set(dir(graft_client))
    with pytest.raises(AttributeError, match="no attribute 'Grafts'"):
        graft_client.Grafts  # noqa: B018 - the access is the test


def test_help_does_not_load_the_http_client() -> None:
    loaded = modules_after("--help")
    assert [
        name for name in ("httpx", "pydantic", "graft_client.commands.jobs") if name in loaded
    ] == []


def test_a_service_that_is_down_is_found_before_the_http_client_is_loaded() -> None:
    assert "httpx" not in modules_after("jobs", "--url", "http://127.0.0.1:9")


def test_a_service_command_loads_the_server() -> None:
    assert "app.cli" in modules_after("settings")


def test_the_server_has_every_command_that_the_client_lists() -> None:
    group: Any = typer.main.get_command(service_app)
    helps = {name: command.get_short_help_str(200) for name, command in group.commands.items()}
    assert helps == SERVICE_COMMANDS
    assert {one.name for one in entry_points(group=ENTRY_POINT_GROUP)} == SERVICE_COMMANDS.keys()


def test_the_server_registers_what_its_project_file_declares() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    client = tomllib.loads((REPOSITORY / "client" / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["version"] == client["project"]["version"]
    assert f"graft-client=={project['version']}" in project["dependencies"]
    assert distribution("graft-server").version == project["version"]
    assert "scripts" not in project


def test_without_the_server_a_service_command_says_what_to_install() -> None:
    program = (
        "import sys; from graft_client.console import service_commands; "
        "service_commands.entry_points = lambda **_: (); "
        "from graft_client.cli import main; sys.argv = ['graft', 'up']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "pip install graft-server" in done.stderr
