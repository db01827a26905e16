"""Selection of the tests for changed files."""

import pytest

from tests.select_tests import list_tests, select_tests

TESTS = [
    "tests/contract/test_jobs.py",
    "tests/contract/test_predict.py",
    "tests/contract/test_shadow.py",
    "tests/unit/jobs/test_rules.py",
    "tests/unit/predictions/test_lanes.py",
    "tests/unit/predictions/test_shadow.py",
    "tests/unit/training/test_data.py",
    "tests/unit/training/test_solve.py",
]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("app/jobs/service.py", ["contract/test_jobs", "unit/jobs/test_rules"]),
        ("app/predictions/shadow.py", ["contract/test_shadow", "unit/predictions/test_shadow"]),
        (
            "app/predictions/router.py",
            [
                "contract/test_predict",
                "unit/predictions/test_lanes",
                "unit/predictions/test_shadow",
            ],
        ),
        ("worker/training/solve.py", ["unit/training/test_solve"]),
        ("worker/training/__main__.py", ["unit/training/test_data", "unit/training/test_solve"]),
        ("tests/unit/training/test_data.py", ["unit/training/test_data"]),
        ("app/datasets/service.py", []),
        ("jobs", ["contract/test_jobs", "unit/jobs/test_rules"]),
        ("README.md", []),
    ],
)
def test_a_change_selects_the_tests_of_its_own_name_or_of_its_package(
    changed: str, expected: list[str]
) -> None:
    assert select_tests([changed], TESTS) == [f"tests/{name}.py" for name in expected]


def test_several_changes_select_each_test_once() -> None:
    selected = select_tests(["app/jobs/router.py", "app/jobs/rules.py"], TESTS)
    assert selected == ["tests/contract/test_jobs.py", "tests/unit/jobs/test_rules.py"]


def test_only_quick_tests_are_selected() -> None:
    tests = list_tests()
    assert "tests/unit/test_select_tests.py" in tests
    assert not [test for test in tests if "/e2e/" in test or "/gpu/" in test]
