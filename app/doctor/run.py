"""Run all checks of `graft doctor`, each with a time limit."""

import threading
from collections.abc import Callable, Iterator

from app.doctor import data, machine
from app.doctor.finding import Finding, error
from app.settings import Settings

Check = Callable[[Settings], Finding]

CHECKS: dict[str, Check] = {
    "versions": machine.check_versions,
    "database": data.check_database,
    "migrations": data.check_migrations,
    "broker": data.check_broker,
    "storage": data.check_storage,
    "weights": data.check_weights,
    "devices": machine.check_devices,
    "open files": machine.check_open_files,
    "memory": machine.check_memory,
    "clock": data.check_clock,
    "port": machine.check_port,
    "access": machine.check_access,
}

LIMIT_SECONDS = 30.0


def run_checks(
    settings: Settings, *, limit_seconds: float = LIMIT_SECONDS
) -> Iterator[tuple[str, Finding]]:
    """Yield the name and the finding of each check; one that fails or hangs is an error."""
    for name, check in CHECKS.items():
        yield name, _run(check, settings, limit_seconds)


def _run(check: Check, settings: Settings, limit_seconds: float) -> Finding:
    findings: list[Finding] = []

    def run() -> None:
        try:
            findings.append(check(settings))
        except Exception as problem:  # noqa: BLE001 - one check must not end the others
            findings.append(error(f"the check failed: {problem!r}", "Report this."))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit_seconds)
    if findings:
        return findings[0]
    return error(
        f"no answer within {limit_seconds:g} s", "Check the network, the disk and the driver."
    )
