"""The documentation says what is so."""

import re
from pathlib import Path

import pytest

from app.settings import describe_settings
from tests.conftest import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def test_every_setting_stands_in_the_table() -> None:
    page = (REPOSITORY / "docs" / "settings.md").read_text()
    assert describe_settings() in page, "run `graft settings` and put its output into the page"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_pages_name_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:app|worker|client|benchmarks|migrations|tests)/[\w./-]*)`", page.read_text()
    )
    assert [name for name in named if not (REPOSITORY / name).exists()] == []
