"""Containers, lock files and the CI script."""

import json
import os
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from app.cli import app as cli
from app.tasks.notifications import QUEUES

REPOSITORY = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


class ComposeLoader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML carries no types
    """Reads compose's tag `!reset`."""


ComposeLoader.add_constructor("!reset", lambda _loader, _node: None)


def read_compose(name: str) -> dict[str, Any]:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    compose: dict[str, Any] = yaml.load(text, ComposeLoader)  # noqa: S506 - a safe loader
    return compose


def parse_command(arguments: list[str]) -> None:
    """Parse the arguments of a command without running it."""
    group: Any = typer.main.get_command(cli)
    group.commands[arguments[0]].make_context(arguments[0], arguments[1:])


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read_compose("docker-compose.yml")


@pytest.fixture(scope="module")
def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as pairs of instruction and arguments, in order."""
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines if line)]


def own_services(compose: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in compose["services"].items() if one["image"] == "graft"}


def test_compose_runs_commands_that_exist(compose: dict[str, Any]) -> None:
    services = own_services(compose)
    assert services.keys() == {"api", "migrate", "worker-cpu", "worker-train"}
    for service in services.values():
        parse_command(service["command"])


def test_compose_serves_every_queue_once(compose: dict[str, Any]) -> None:
    commands = [one["command"] for one in own_services(compose).values()]
    served = [word for command in commands for word in command if word in QUEUES]
    assert sorted(served) == sorted(QUEUES)


def test_compose_starts_nothing_before_the_migration(compose: dict[str, Any]) -> None:
    services = own_services(compose)
    assert services.pop("migrate")["depends_on"]["postgres"]["condition"] == "service_healthy"
    for service in services.values():
        condition = service["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully"


def test_compose_reserves_a_gpu_and_the_override_does_not(compose: dict[str, Any]) -> None:
    worker = compose["services"]["worker-train"]
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert worker["environment"]["GRAFT_DEVICE"] == "cuda"
    override = read_compose("docker-compose.cpu.yml")["services"]
    assert override["worker-train"]["deploy"] is None
    assert override["worker-train"]["environment"]["GRAFT_DEVICE"] == "cpu"
    assert {one["build"]["args"]["TORCH_BACKEND"] for one in override.values()} == {"cpu"}
    assert override.keys() == own_services(compose).keys()


def test_compose_keeps_persistent_files_in_named_volumes(compose: dict[str, Any]) -> None:
    mounts = [
        mount.split(":")[0] for one in compose["services"].values() for mount in one["volumes"]
    ]
    assert set(mounts) == set(compose["volumes"])


def test_services_that_others_wait_for_have_health_checks(compose: dict[str, Any]) -> None:
    for name in compose["services"].keys() - own_services(compose):
        service = compose["services"][name]
        assert service["healthcheck"]["test"][0] == "CMD"
        assert re.fullmatch(r"[\w/]+:v?\d+\.\d+[\w.-]*", service["image"])


def test_containers_are_read_only_and_not_root(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["user"].split(":")[0]) > 0, name
        assert "/tmp" in service["tmpfs"], name  # noqa: S108 - a folder of a container
        assert "privileged" not in service, name
    overridden = read_compose("docker-compose.cpu.yml")["services"].values()
    assert all(one.keys() <= {"build", "environment", "deploy"} for one in overridden)


def test_image_and_compose_agree_on_the_user(
    compose: dict[str, Any], instructions: list[tuple[str, str]]
) -> None:
    user = dict(instructions)["USER"]
    assert {one["user"] for one in own_services(compose).values()} == {f"{user}:{user}"}
    (made,) = (rest for name, rest in instructions if name == "RUN" and "useradd" in rest)
    assert f"--uid {user}" in made


def test_image_writes_only_to_its_volume_and_temporary_folder(
    instructions: list[tuple[str, str]],
) -> None:
    """What is compiled must be on the volume: Docker mounts /tmp without permission to run it."""
    (environment,) = (rest for name, rest in instructions if name == "ENV" and "GRAFT_HOST" in rest)
    folders = dict(re.findall(r"(\w+(?:_DIR|_HOME|DIR))=(\S+)", environment))
    assert {name for name, one in folders.items() if not one.startswith(("/data", "/tmp"))} == set()  # noqa: S108
    compiled = {"TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"}
    assert {name for name in compiled if not folders[name].startswith("/data/")} == set()


def test_compose_has_no_password_and_starts_only_with_made_ones(tmp_path: Path) -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    secrets = set(re.findall(r"\$\{(\w*PASSWORD)", text))
    assert secrets == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "GRAFANA_PASSWORD"}
    assert re.findall(r"\$\{\w*PASSWORD(?!:\?)", text) == [], "a default"
    assert re.findall(r"\w*(?:PASSWORD|KEY|SECRET)\w*:-[^}]", text) == [], "a default"
    make_secrets = [REPOSITORY / "deploy" / "make-secrets.sh", tmp_path / ".env"]
    (tmp_path / ".env").write_text("GRAFT_PORT=9000\nREDIS_PASSWORD=mine\n")
    told = subprocess.run(make_secrets, capture_output=True, text=True, check=True).stdout
    made = (tmp_path / ".env").read_text()
    values = dict(line.split("=", 1) for line in made.splitlines())
    assert values.keys() == secrets | {"GRAFT_PORT"}
    assert (values["GRAFT_PORT"], values["REDIS_PASSWORD"]) == ("9000", "mine")
    random = [values["POSTGRES_PASSWORD"], values["GRAFANA_PASSWORD"]]
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in random)
    assert random[0] != random[1]
    assert not any(one in told for one in random)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    subprocess.run(make_secrets, check=True)
    assert (tmp_path / ".env").read_text() == made
    ignored = (REPOSITORY / ".gitignore").read_text().splitlines()
    assert "/.env" in ignored


def test_redis_asks_for_the_password_of_compose(compose: dict[str, Any], tmp_path: Path) -> None:
    """The command of the container, with another program in the place of the server."""
    service = compose["services"]["redis"]
    server = tmp_path / "redis-server"
    server.write_text('#!/bin/sh\ncat "$1"\n')
    server.chmod(0o755)
    command = [
        word.replace("$$", "$").replace("/tmp/", f"{tmp_path}/")  # noqa: S108 - of the container
        for word in service["command"]
    ]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REDISCLI_AUTH": "secret"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "requirepass secret\n"
    assert "secret" not in " ".join(service["command"])
    assert "REDIS_PASSWORD" in service["environment"]["REDISCLI_AUTH"]
    url = compose["x-graft"]["environment"]["GRAFT_BROKER_URL"]
    assert url == "redis://:${REDIS_PASSWORD:?run make secrets}@redis:6379/0"


def test_image_starts_from_a_pinned_base(instructions: list[tuple[str, str]]) -> None:
    arguments = dict(rest.split("=") for name, rest in instructions if name == "ARG")
    for base in [rest.split()[0] for name, rest in instructions if name == "FROM"]:
        image = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base)
        assert re.fullmatch(r"[\w/]+:\d+\.\d+\.\d+[\w.-]*", image)


def test_image_runs_as_an_ordinary_user(instructions: list[tuple[str, str]]) -> None:
    names = [name for name, _ in instructions]
    (user,) = (rest for name, rest in instructions if name == "USER")
    assert int(user) > 0
    assert names.index("USER") > max(i for i, name in enumerate(names) if name == "RUN")


def test_image_and_compose_have_access_control(
    instructions: list[tuple[str, str]], compose: dict[str, Any]
) -> None:
    (environment,) = (rest for name, rest in instructions if name == "ENV" and "GRAFT_HOST" in rest)
    assert "GRAFT_ACCESS_CONTROL=true" in environment
    for service in own_services(compose).values():
        assert service["environment"]["GRAFT_ACCESS_CONTROL"] == "true"


def test_image_copies_every_package_of_the_distribution(
    instructions: list[tuple[str, str]],
) -> None:
    sources = {
        source
        for name, rest in instructions
        if name == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert [source for source in sources if not (REPOSITORY / source).exists()] == []
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], "pyproject.toml", "requirements.lock"} <= sources


def test_image_is_started_without_a_shell(instructions: list[tuple[str, str]]) -> None:
    found = dict(instructions)
    assert json.loads(found["ENTRYPOINT"]) == ["graft"]
    parse_command(json.loads(found["CMD"]))


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (503, False)])
def test_health_check_of_the_image_requests_the_service(
    instructions: list[tuple[str, str]], status: int, is_healthy: bool
) -> None:
    python, *arguments = json.loads(dict(instructions)["HEALTHCHECK"].split(" CMD ")[1])
    assert python == "python"
    with answering(status) as (port, asked):
        command = [one.replace("127.0.0.1:8000", f"127.0.0.1:{port}") for one in arguments]
        done = subprocess.run([sys.executable, *command], capture_output=True, check=False)
    assert (done.returncode == 0) is is_healthy
    assert asked == ["/livez"]


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """Run a server that responds to GET with a status; yields its port and the requested paths."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


def test_image_has_a_lock_for_everything_but_torch(tmp_path: Path) -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    match = re.search(r"awk '(.*?)'", dockerfile)
    assert match is not None
    done = subprocess.run(
        ["awk", match[1], REPOSITORY / "requirements.lock"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    kept = re.findall(r"^([a-z0-9.-]+)==", done.stdout, re.MULTILINE)
    everything = re.findall(
        r"^([a-z0-9.-]+)==", (REPOSITORY / "requirements.lock").read_text(), re.MULTILINE
    )
    left_out = set(everything) - set(kept)
    assert {"torch", "torchvision"} <= left_out
    assert all(re.match(r"torch|triton|nvidia-|cuda-", name) for name in left_out)
    assert {"fastapi", "sqlalchemy", "celery", "psycopg", "numpy", "nvidia-ml-py"} <= set(kept)
    assert {"openvino", "onnxruntime", "opentelemetry-sdk"} <= set(kept)


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_version_and_hashes(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry
    assert "://" not in text


def test_locks_have_every_declared_dependency() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    client = tomllib.loads((REPOSITORY / "client" / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = [
        *(one for one in project["project"]["dependencies"] if "graft-client" not in one),
        *client["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["postgres"],
    ]
    groups = project["dependency-groups"]
    development = [*(one for one in groups["dev"] if isinstance(one, str)), *groups["docs"]]
    declared = (runtime, runtime + development)
    for lock, requirements in zip(LOCKS, declared, strict=True):
        text = (REPOSITORY / lock).read_text(encoding="utf-8")
        names = [re.split(r"[\[<>=]", one)[0] for one in requirements]
        assert [one for one in names if not re.search(rf"^{one}==", text, re.MULTILINE)] == []
        # The client is installed from its folder: a lock can hold no hash of it.
        assert not re.search(r"^(-e|graft-client)", text, re.MULTILINE)


def test_locks_agree() -> None:
    pins = [
        set(re.findall(r"^([a-z0-9.-]+==\S+)", (REPOSITORY / name).read_text(), re.MULTILINE))
        for name in LOCKS
    ]
    assert pins[0] < pins[1]


def test_no_file_names_a_package_registry() -> None:
    hosts = ("py" + "pi.org", "python" + "hosted.org", "pytorch.org/" + "whl", "ghcr" + ".io")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    files = [REPOSITORY / name for name in listed.stdout.split("\0") if name]
    assert len(files) > 50
    found = [
        path.name
        for path in files
        if path.is_file() and any(host.encode() in path.read_bytes() for host in hosts)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("suite", "succeeds"),
    [
        ("echo '===== 3 passed in 0.1s ====='", True),
        ("echo '===== 1 failed, 3 passed in 0.1s ====='; exit 2", False),
        ("echo '===== no tests ran in 0.1s ====='; exit 5", False),
        ("echo '===== no tests ran in 0.1s ====='", False),
        ("echo '===== 0 passed in 0.1s ====='", False),
    ],
)
def test_ci_fails_unless_tests_ran_and_passed(suite: str, succeeds: bool, tmp_path: Path) -> None:
    fake_make = tmp_path / "make"
    fake_make.write_text(f"#!/bin/sh\n{suite}\n")
    fake_make.chmod(0o755)
    done = subprocess.run(
        [REPOSITORY / ".ci" / "run"],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "CI": "true"},
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode == 0) is succeeds


def test_make_demo_runs_commands_that_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"^\t\$\(BIN\)/graft (.+)$", makefile, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        parse_command(shlex.split(command))
