"""Run commands of `graft` in tests."""

import json
from typing import Any

from typer.testing import CliRunner, Result

from graft_client.cli import app
from tests.unit.client.answers import NOW, as_json
from tests.unit.client.conftest import Answer, Service


def run(service: Service, *arguments: str) -> Result:
    """Run a command against a service."""
    return CliRunner().invoke(app, [*arguments, "--url", service.url])


def succeed(service: Service, *arguments: str) -> str:
    """Run a command that must succeed; return its standard output."""
    done = run(service, *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def read_json(service: Service, *arguments: str) -> Any:
    """Run a command that must succeed; return what it prints with --json."""
    return json.loads(succeed(service, *arguments, "--json"))


def error_line(result: Result, code: int) -> str:
    """Return the single line of a command's error."""
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("graft: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def sent(service: Service) -> Any:
    """Return the JSON of the newest request."""
    return json.loads(service.received[-1].body)


def service_state(num_workers: int = 1) -> Answer:
    """The state of a service with so many workers for each queue."""
    idle = {"queued": 0, "running": 0, "oldest_queued_seconds": None, "num_workers": num_workers}
    queues = [{"name": name} | idle for name in ("cpu", "predict", "train")]
    return as_json(
        {
            "version": "0.2.0",
            "python": "3.11",
            "libraries": {},
            "started_at": NOW,
            "database": "sqlite",
            "broker": "sqlite",
            "ready": {"status": "ok", "broker": "ok", "model": "ok", "reason": None},
            "workers": [],
            "queues": queues,
            "storage": None,
            "settings": [],
        }
    )
