"""Rules for the code that no linter checks."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SHIPPED = ("app", "worker", "client/graft_client", "migrations")

READS_ENVIRONMENT = {
    "client/graft_client/address.py",
    "client/graft_client/upload_state.py",
    "app/settings.py",
    "app/ml/models/weights.py",  # torch hub's own variables, to find its cache without torch
    "app/processes/forking.py",  # gives children the variables they need, and no credentials
    "app/ml/models/hub.py",  # where torch hub downloads to, by torch's own variables
    "app/processes/parent.py",  # replaces the environment of a forked process
}


def list_modules(*folders: str) -> list[Path]:
    modules = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    assert modules
    return modules


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def list_attributes(path: Path) -> Iterator[ast.Attribute]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def commits(path: Path) -> bool:
    return any(node.attr == "commit" for node in list_attributes(path))


def reads_environment(path: Path) -> bool:
    return any(
        node.attr in {"environ", "getenv"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        for node in list_attributes(path)
    ) or bool(re.search(r"from os import .*\b(environ|getenv)", path.read_text(encoding="utf-8")))


def test_only_the_session_commits() -> None:
    assert [name_of(path) for path in list_modules(*SHIPPED) if commits(path)] == [
        "app/db/session.py"
    ]


def test_only_the_settings_read_the_environment() -> None:
    readers = {name_of(path) for path in list_modules(*SHIPPED) if reads_environment(path)}
    assert readers <= READS_ENVIRONMENT


def test_packages_are_empty() -> None:
    packages = [path for path in list_modules(*SHIPPED, "tests") if path.name == "__init__.py"]
    assert [name_of(path) for path in packages if path.read_bytes()] == [
        "client/graft_client/__init__.py",  # the public names, imported when they are used
        "client/graft_client/console/views/__init__.py",  # loads rich with the first view
    ]


def test_no_module_is_long() -> None:
    lengths = {
        name_of(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in list_modules(*SHIPPED, "tests", "benchmarks")
    }
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_no_part_of_the_worker_s_parent_process_imports_torch() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        one
        for one in project["tool"]["importlinter"]["contracts"]
        if "torch" in one.get("forbidden_modules", []) and "app.db" in one["source_modules"]
    )
    listed = {name for name in contract["source_modules"] if name.startswith("worker.")}
    modules = {path.stem for path in (REPOSITORY / "worker").glob("*.py")} - {"__init__"}
    forked_from = {"children"}
    expected = {f"worker.{module}" for module in modules - forked_from}
    assert listed == expected | {"worker.*.work", "worker.*.config"}


@pytest.mark.parametrize(
    "modules",
    [
        "worker.celery_app, worker.tasks, worker.supervisor",
        "app.jobs.service, app.datasets.service, app.models.service, app.tasks.service",
        "worker.ingestion.config, app.db.tables",
        "app.demo.run",
    ],
)
def test_a_process_without_models_never_loads_torch(modules: str) -> None:
    program = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
