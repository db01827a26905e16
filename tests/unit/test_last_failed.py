"""Failed tests are found again, also those of a group that ran in parallel."""

import json
from pathlib import Path

from tests.last_failed import find_failed


def test_groups_are_no_part_of_an_id(tmp_path: Path) -> None:
    record = tmp_path / "lastfailed"
    failed = [
        "tests/test_a.py::test_alone",
        "tests/test_a.py::test_with_others@service",
        "tests/browser/test_a.py::test_a_page@tests/browser/test_a.py",
        "tests/test_a.py::test_each[me@example.org]",
        "tests/test_a.py::test_each[you@example.org]@service",
        "tests/test_broken.py",
    ]
    record.write_text(json.dumps(dict.fromkeys(failed, True)))
    assert find_failed(record) == [
        "tests/browser/test_a.py::test_a_page",
        "tests/test_a.py::test_alone",
        "tests/test_a.py::test_each[me@example.org]",
        "tests/test_a.py::test_each[you@example.org]",
        "tests/test_a.py::test_with_others",
        "tests/test_broken.py",
    ]


def test_without_a_failure_nothing_is_run(tmp_path: Path) -> None:
    assert find_failed(tmp_path / "lastfailed") == []
