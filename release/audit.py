"""Look for known vulnerabilities of the locked packages: `make audit`.

Many mirrors of the package index do not answer questions about vulnerabilities, and pip-audit then
says that there are none. So a package that is known to be vulnerable is asked for first.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FOUND, UNKNOWN = 1, 2
"""Exit codes: there are vulnerabilities; it could not be found out whether there are any."""

KNOWN = "jinja2==2.11.2"
"""Has had a vulnerability since 2021: CVE-2020-28493."""


@dataclass(frozen=True)
class Audit:
    """Vulnerable packages with their reports' ids, and those that could not be checked."""

    num_packages: int
    vulnerable: dict[str, list[str]]
    skipped: list[str]


def read_report(report: dict[str, Any]) -> Audit:
    """Read the JSON of pip-audit."""
    packages = report["dependencies"]
    vulnerable = {
        f"{one['name']} {one['version']}": [entry["id"] for entry in one["vulns"]]
        for one in packages
        if one.get("vulns")
    }
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    return Audit(len(packages), vulnerable, skipped)


def describe(known: Audit | None, locked: Audit | None) -> tuple[str, int]:
    """Return the result in words, and the exit code; None is an audit that failed."""
    if known is None or not known.vulnerable:
        text = (
            f"UNKNOWN: the package index does not answer. It reports nothing about {KNOWN}, which "
            "has a known vulnerability. So this says nothing about Graft. Run it where the public "
            "index can be asked."
        )
        return text, UNKNOWN
    if locked is None:
        return "UNKNOWN: pip-audit failed; see its messages above.", UNKNOWN
    lines = [f"{name}: {', '.join(ids)}" for name, ids in sorted(locked.vulnerable.items())]
    if locked.skipped:
        lines.append(f"UNKNOWN for {len(locked.skipped)}: {', '.join(locked.skipped)}")
    if locked.vulnerable:
        return "\n".join(lines), FOUND
    if locked.skipped:
        return "\n".join(lines), UNKNOWN
    return f"{locked.num_packages} packages have no known vulnerability.", 0


def run(requirements: Path) -> Audit | None:
    """Run pip-audit on a file of pinned packages; None if it fails."""
    program = Path(sys.executable).with_name("pip-audit")
    options = ["--disable-pip", "--no-deps", "--format", "json", "--progress-spinner", "off"]
    command = [str(program), *options, "--requirement", str(requirements)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own arguments
    try:
        return read_report(json.loads(done.stdout))
    except ValueError:
        return None


def main() -> None:
    """Audit requirements.lock."""
    with TemporaryDirectory() as folder:
        asked = Path(folder) / "known.txt"
        asked.write_text(f"{KNOWN}\n", encoding="utf-8")
        known = run(asked)
    can_ask = known is not None and bool(known.vulnerable)
    text, code = describe(known, run(Path("requirements.lock")) if can_ask else None)
    sys.stdout.write(f"{text}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
