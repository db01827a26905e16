"""Run Schemathesis against a running service, as a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
"""No 5xx, and every answer as declared. A 503 of a route that declares it is no failure."""

REPOSITORY = Path(__file__).parents[2]

ENDLESS = "stream$"
"""Paths whose answers do not end by themselves."""


@dataclass(frozen=True)
class Outcome:
    """The number of requests, and Schemathesis's account of what is wrong."""

    requests: int
    has_passed: bool
    report: str


def run_schemathesis(
    url: str,
    folder: Path,
    *,
    key: str | None = None,
    phases: Sequence[str] = ("examples", "coverage", "fuzzing", "stateful"),
    max_examples: int = 50,
    max_seconds: int | None = None,
    seed: int | None = None,
) -> Outcome:
    """Test every operation of /openapi.json; with an API key, if one is given."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
        *("--checks", ",".join(CHECKS), "--phases", ",".join(phases)),
        *("--max-examples", str(max_examples), "--exclude-path-regex", ENDLESS),
        *("--request-timeout", "60", "--suppress-health-check", "all", "--warnings", "off"),
        "--no-color",
        *(("--max-time", str(max_seconds)) if max_seconds else ()),
        *(("--seed", str(seed)) if seed is not None else ()),
        *(("--header", f"Authorization: Bearer {key}") if key else ()),
    ]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SCHEMATHESIS_")
    } | {"SCHEMATHESIS_HOOKS": "tests.faults.schemathesis_hooks", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Outcome(count_requests(done.stdout), done.returncode == 0, done.stdout[-20_000:])


def count_requests(report: str) -> int:
    """Return the number of test cases in Schemathesis's summary."""
    found = re.search(r"([\d,]+) generated", report)
    return int(found[1].replace(",", "")) if found else 0
