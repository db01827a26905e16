"""The documentation agrees with the code."""

import re
from pathlib import Path

import pytest

from app.settings import describe_settings
from tests.conftest import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def test_every_setting_is_in_the_table() -> None:
    page = (REPOSITORY / "docs" / "settings.md").read_text()
    assert describe_settings() in page, "run `graft settings` and put its output into the page"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_resolve(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_pages_name_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:app|worker|client|benchmarks|migrations|tests)/[\w./-]*)`", page.read_text()
    )
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_shell_blocks_stop_at_errors_and_end(page: Path) -> None:
    """A bare curl hides an error, and a loop over one may never end; `ask.sh` has both right."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    assert [line for line in lines if re.match(r"(while|until)\b", line)] == []
    assert [
        line
        for line in lines
        if re.search(r"(^|\()curl ", line)
        and not ("--fail-with-body" in line and "--max-time" in line)
    ] == []
    if any(re.search(r"\b(ask|wait_for)\b", line) for line in lines):
        assert lines[0].startswith(". docs/how-to/ask.sh")


def test_the_readme_is_short_and_names_the_disk_that_setup_needs() -> None:
    text = (REPOSITORY / "README.md").read_text()
    assert len(text.splitlines()) <= 95
    assert "6.1 GB" in text


def test_the_glossary_is_linked_and_has_no_word_twice() -> None:
    words = re.findall(r"\*\*(.+?)\*\*", (REPOSITORY / "docs" / "glossary.md").read_text())
    assert len(words) >= 30
    assert len(set(words)) == len(words)
    for page in ("README.md", "docs/architecture.md", "docs/features.md"):
        assert "glossary.md" in (REPOSITORY / page).read_text()
