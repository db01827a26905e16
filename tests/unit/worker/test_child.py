"""The environment of a child process."""

import json
from pathlib import Path

import pytest

from app.settings import Settings
from worker.child import Child, Command, Exited

PROGRAM = """
import json, os, pathlib
pathlib.Path("environment.json").write_text(json.dumps(dict(os.environ)))
"""


def test_a_child_gets_devices_and_libraries_but_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    passed_on = {"LD_LIBRARY_PATH": "/usr/local/nvidia/lib64", "CUDA_VISIBLE_DEVICES": "1"}
    secrets = {"GRAFT_DATABASE_URL": "postgresql://graft:secret@db/graft", "AWS_SECRET_KEY": "s"}
    for name, value in (passed_on | secrets).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "report.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    with Child(Command("report", "{}"), settings) as child:
        assert child.receive(60) == Exited(0)
    environment = json.loads((tmp_path / "environment.json").read_text())
    assert passed_on.items() <= environment.items()
    assert environment.keys().isdisjoint(secrets)
