"""Run the tests that failed last, one after the other: `make test-failed`.

pytest's own `--last-failed` cannot find tests of a group again: in parallel runs, pytest-xdist
records them as `test_name@group`. It skips them where their file has other failures, and runs the
whole suite where there are none.
"""

import json
import sys
from pathlib import Path

import pytest

RECORD = Path(".pytest_cache/v/cache/lastfailed")


def find_failed(record: Path) -> list[str]:
    """Return the ids of the tests in pytest's record of failures, without their groups."""
    if not record.exists():
        return []
    return sorted({_without_group(test) for test in json.loads(record.read_text())})


def _without_group(test: str) -> str:
    # The id of a parameter, in brackets, may have an @ of its own.
    at = test.rfind("@")
    return test[:at] if at > test.rfind("]") else test


def main() -> int:
    failed = find_failed(RECORD)
    if not failed:
        sys.stdout.write("No test failed in the last run.\n")
        return 0
    # By these ids, pytest takes a test that passes off its record.
    RECORD.write_text(json.dumps(dict.fromkeys(failed, True)))
    return pytest.main(failed)


if __name__ == "__main__":
    sys.exit(main())
