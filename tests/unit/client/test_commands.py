"""The command line as a whole: errors, exit codes, help and completion."""

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from graft_client.cli import app
from graft_client.console.exit_codes import ExitCode
from graft_client.console.group import CLIENT_COMMANDS
from tests.conftest import REPOSITORY
from tests.servers import find_free_port
from tests.unit.client.answers import page, problem
from tests.unit.client.conftest import Answer, Service
from tests.unit.client.running import error_line, run


def invoke(*arguments: str) -> str:
    output = CliRunner().invoke(app, list(arguments)).output
    return re.sub(r"\x1b\[[0-9;]*m", "", output)  # PY_COLORS, of any value, turns colours on


def test_help_is_grouped_and_names_the_exit_codes() -> None:
    text = invoke("--help")
    use, run_panel = text.index("Use the service"), text.index("Run the service")
    assert use < text.index("upload") < text.index(" open ") < run_panel < text.index("migrate")
    assert "Exit codes" in text


def test_the_help_page_has_the_helps_of_the_commands() -> None:
    group = typer.main.get_command(app)
    context = group.make_context("graft", ["up"], resilient_parsing=True)
    commands = {name: group.get_command(context, name) for name in CLIENT_COMMANDS}  # type: ignore[attr-defined]
    helps = {name: command.get_short_help_str(200) for name, command in commands.items()}
    assert helps == {name: text for name, (_, text) in CLIENT_COMMANDS.items()}


def test_every_command_of_the_client_takes_url_and_json() -> None:
    group = typer.main.get_command(app)
    context = group.make_context("graft", ["up"], resilient_parsing=True)
    names = [name for name in CLIENT_COMMANDS if name != "mcp"]  # it speaks its own protocol
    found = [group.get_command(context, name) for name in names]  # type: ignore[attr-defined]
    leaves = [
        one for command in found for one in getattr(command, "commands", {"": command}).values()
    ]
    assert len(leaves) > len(names)
    for leaf in leaves:
        assert {"url", "as_json"} <= {parameter.name for parameter in leaf.params}, leaf.name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["jbs"], "There is no command `graft jbs`. Is it `graft jobs`"),
        (["jobs", "--stat", "x"], "--status"),
        (["train"], "See `graft train --help`."),
        (["job", "plot"], "See `graft job plot --help`."),
        (["train", "pets", "--strategy", "wish"], "'auto', 'feature_extract'"),
        (["train", "pets", "--set", "epochs"], "--set is 'epochs'; it must be KEY=VALUE."),
        (["train", "pets", "--set", "a=1", "--set", "a.b=2"], "'a' has another value already"),
        (
            ["train", "pets", "--epochs", "2", "--set", "epochs=3"],
            "epochs: this field is given twice",
        ),
        (["predict"], "Give images, folders or archives, or else --dataset."),
        (["predict", "a.jpg", "--split", "val"], "--split needs --dataset"),
        (["predict", "a.jpg", "--output", "a.txt"], ".csv, .json, .jsonl"),
        (["predict", "a.jpg", "--csv", "--json"], "exclude each other"),
        (["predict", "a.jpg", "b.jpg", "--explain", "c.png"], "exactly one image"),
        (["promote", "pets:2", "3"], "leave out 3"),
        (["gate", "pets", "ds_1", "--remove"], "--remove takes no DATASET"),
        (["shadow", "pets", "--remove"], "--remove takes no MODEL"),
        (["study", "study_1", "--dataset", "pets"], "--dataset needs a FILE"),
    ],
)
def test_wrong_use_is_said_in_one_line(arguments: list[str], message: str) -> None:
    url = f"http://127.0.0.1:{find_free_port()}"
    done = CliRunner().invoke(app, arguments, env={"GRAFT_URL": url}, prog_name="graft")
    assert message in error_line(done, ExitCode.USAGE)


def test_a_service_that_is_down_is_an_error_that_says_what_to_do() -> None:
    url = f"http://127.0.0.1:{find_free_port()}"
    done = CliRunner().invoke(app, ["models"], env={"GRAFT_URL": url})
    message = error_line(done, ExitCode.UNREACHABLE)
    assert f"Cannot connect to {url}" in message
    assert "graft up" in message


@pytest.mark.parametrize("url", ["localhost:8000", "graft", "http://x:port"])
def test_an_invalid_address_is_an_error(url: str) -> None:
    message = error_line(CliRunner().invoke(app, ["models", "--url", url]), ExitCode.USAGE)
    assert f"'{url}'" in message
    assert "--url" in message


@pytest.mark.parametrize("status", [200, 404, 502])
def test_an_answer_of_another_program_is_an_error(service: Service, status: int) -> None:
    page = Answer(b"<html>hello</html>", status, "text/html")
    service.answer("GET", "/models", page)
    assert "<html>hello</html>" in error_line(run(service, "models"), ExitCode.SERVICE_ERROR)


@pytest.mark.parametrize("body", [b"[]", b'{"data": [{"id": 1}]}', b'{"code": 1}'])
def test_json_of_another_program_is_an_error(service: Service, body: bytes) -> None:
    service.answer("GET", "/models", Answer(body))
    assert service.url in error_line(run(service, "models"), ExitCode.SERVICE_ERROR)


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (404, "NOT_FOUND", ExitCode.REFUSED),
        (409, "IN_USE", ExitCode.REFUSED),
        (409, "GATE_FAILED", ExitCode.FAILED),
        (422, "VALIDATION", ExitCode.REFUSED),
        (500, "INTERNAL", ExitCode.SERVICE_ERROR),
    ],
)
def test_the_exit_code_says_who_failed(
    service: Service, status: int, code: str, exit_code: int
) -> None:
    service.answer("GET", "/models/pets", problem(status, code, "because"))
    done = run(service, "model", "show", "pets")
    assert error_line(done, exit_code) == f"graft: {code}: because\n"


def test_allowed_values_are_said_once(service: Service) -> None:
    errors = [{"loc": ["body", "split"], "message": "bad", "allowed": ["train", "val"]}]
    service.answer("GET", "/models/pets", problem(422, "VALIDATION", "split is 'x'", errors=errors))
    lines = run(service, "model", "show", "pets").stderr.splitlines()
    assert lines == ["graft: VALIDATION: split is 'x'", "  Allowed for split: train, val"]


def test_a_failure_names_the_request(service: Service) -> None:
    failure = problem(500, "INTERNAL", "because", request_id="req_1")
    service.answer("GET", "/models/pets", failure)
    assert "request req_1" in run(service, "model", "show", "pets").stderr.splitlines()[1]


def test_a_list_is_a_json_array(service: Service) -> None:
    service.answer("GET", "/models", page())
    assert json.loads(run(service, "models", "--json").stdout) == []


def test_a_missing_file_is_wrong_use(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.jpg"
    for command in ("predict", "upload"):
        message = error_line(run(service, command, str(path)), ExitCode.USAGE)
        assert message == f"graft: {path}: No such file or directory.\n"


def test_the_dashboard_is_opened(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    service.answer("GET", "/livez", Answer(b"{}"))
    assert run(service, "open", "--no-browser").stdout == f"{service.url}/ui/\n"
    assert opened == []
    assert run(service, "open").exit_code == 0
    assert opened == [f"{service.url}/ui/"]


@pytest.mark.parametrize(
    ("shell", "line"),
    [("bash", "complete -o"), ("zsh", "#compdef graft"), ("fish", "complete --command graft")],
)
def test_a_shell_can_complete_commands(
    monkeypatch: pytest.MonkeyPatch, shell: str, line: str
) -> None:
    # typer finds the shell among the parents of the process, which a test need not have
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    script = CliRunner().invoke(app, ["--show-completion", shell], prog_name="graft").stdout
    assert "_GRAFT_COMPLETE" in script
    assert line in script


def test_the_page_lists_the_exit_codes() -> None:
    text = (REPOSITORY / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == {0, *ExitCode}
