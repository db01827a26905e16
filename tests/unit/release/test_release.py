"""The bill of materials, and the report on vulnerabilities."""

import json
from typing import Any

import pytest

from release.audit import FOUND, UNKNOWN, Audit, describe, read_report
from release.sbom import list_web_components
from tests.conftest import REPOSITORY

KNOWN = Audit(1, {"jinja2 2.11.2": ["PYSEC-2021-66"]}, [])


def test_the_report_of_pip_audit_is_read() -> None:
    report: dict[str, Any] = {
        "dependencies": [
            {"name": "good", "version": "1", "vulns": []},
            {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1"}, {"id": "CVE-2"}]},
            {"name": "private", "skip_reason": "not found"},
        ],
        "fixes": [],
    }
    assert read_report(report) == Audit(3, {"bad 2": ["CVE-1", "CVE-2"]}, ["private"])


@pytest.mark.parametrize(
    ("known", "locked", "told", "code"),
    [
        (None, Audit(9, {}, []), "says nothing about Graft", UNKNOWN),
        (Audit(1, {}, []), Audit(9, {}, []), "says nothing about Graft", UNKNOWN),
        (Audit(1, {}, ["jinja2"]), None, "says nothing about Graft", UNKNOWN),
        (KNOWN, None, "pip-audit failed", UNKNOWN),
        (KNOWN, Audit(9, {}, ["torch"]), "UNKNOWN for 1: torch", UNKNOWN),
        (KNOWN, Audit(9, {"a 1": ["CVE-1"]}, ["torch"]), "a 1: CVE-1", FOUND),
        (KNOWN, Audit(9, {}, []), "9 packages have no known vulnerability.", 0),
    ],
)
def test_an_index_that_cannot_be_asked_is_not_taken_for_none_found(
    known: Audit | None, locked: Audit | None, told: str, code: int
) -> None:
    text, found = describe(known, locked)
    assert told in text
    assert found == code


def test_the_dashboard_s_packages_are_listed_without_those_for_development() -> None:
    lock = json.loads((REPOSITORY / "web" / "package-lock.json").read_text(encoding="utf-8"))
    components = {one["name"]: one for one in list_web_components(lock)}
    assert {"react", "react-dom"} <= components.keys()
    assert "vitest" not in components
    assert components["react"]["purl"] == f"pkg:npm/react@{components['react']['version']}"
    for component in components.values():
        (digest,) = component["hashes"]
        assert len(digest["content"]) == 128
