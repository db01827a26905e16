"""The map of faults and bad input: every row has tests or a reason, and is on the page."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.faults.bad_input_rows import BAD_INPUT
from tests.faults.figures import Figure, Figures, read_figures
from tests.faults.page import write_page
from tests.faults.rows import BEYOND, FAULTS, Row

ROWS = (*FAULTS, *BAD_INPUT, *BEYOND)


@cache
def list_tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_fault_has_a_row() -> None:
    assert [row.id for row in FAULTS] == [str(number) for number in range(1, 33)]
    assert len({row.id for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_has_tests_that_exist_or_a_reason(row: Row) -> None:
    for name in row.short + row.long:
        path, _, test = name.partition("::")
        assert test in list_tests(REPOSITORY / path), f"{name} does not exist"
    assert (row.short and row.long) or row.short or row.note, f"{row.title}: no tests, no reason"


def test_the_long_forms_belong_to_a_row() -> None:
    listed = {name.partition("::")[2] for row in ROWS for name in row.long}
    found = {
        test
        for path in (REPOSITORY / "tests" / "faults").glob("test_long_*.py")
        for test in list_tests(path)
        if test.startswith("test_")
    }
    assert found <= listed


def test_the_page_has_every_row() -> None:
    page = (REPOSITORY / "docs" / "reliability.md").read_text(encoding="utf-8")
    for row in ROWS:
        assert row.title in page, f"{row.title}: run python -m tests.faults.page"


def test_a_figure_is_written_to_the_page(tmp_path: Path) -> None:
    file, page = tmp_path / "reliability.json", tmp_path / "reliability.md"
    for times in (1, 2):
        Figures("test_kills", file).record("1", done="kill -9", figure=f"{times} times")
    Figures("test_kills", file).record(
        "2", done="kill -9 | of a child", figure="lost 1", is_met=False, reason="It is slow."
    )
    assert read_figures(file) == [
        Figure("1", "test_kills", "kill -9", "2 times", is_met=True),
        Figure("2", "test_kills", "kill -9 | of a child", "lost 1", False, "It is slow."),
    ]
    write_page(read_figures(file), page)
    text = page.read_text(encoding="utf-8")
    assert "| kill -9 | 2 times | met |" in text
    assert "kill -9 \\| of a child | lost 1 | not met. It is slow. |" in text
