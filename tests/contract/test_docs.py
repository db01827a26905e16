"""The documentation agrees with the code."""

import re
import tomllib
from pathlib import Path

import pytest

from app.db.migrate import list_revisions
from app.settings_text import describe_settings
from tests.conftest import REPOSITORY

ROOT_PAGES = [
    REPOSITORY / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "benchmarks/README.md",
        "client/README.md",
    )
]
DECISIONS = sorted((REPOSITORY / "docs" / "decisions").glob("[a-z]*.md"))
PAGES = [*ROOT_PAGES, *sorted((REPOSITORY / "docs").rglob("*.md"))]
EXAMPLES = ("app/brightness/", "worker/brightness/", "app/predictions/engines/exported_engine.py")
"""Files of the worked examples in docs/development.md, which readers write themselves."""


def prose_of(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    """The anchors that forges make of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def test_every_setting_is_in_the_table() -> None:
    page = (REPOSITORY / "docs" / "settings.md").read_text()
    assert describe_settings() in page, "run `graft settings` and put its output into the page"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", prose_of(page)):
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        if not linked.exists() or (anchor and anchor not in anchors_of(linked)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_pages_name_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:app|worker|client|benchmarks|migrations|tests)/[\w./-]*)`", page.read_text()
    )
    missing = [name for name in named if not (REPOSITORY / name).exists()]
    assert [name for name in missing if not name.startswith(EXAMPLES)] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_decisions_have_a_date_and_a_status_and_are_listed(page: Path) -> None:
    title, _, dated = page.read_text().splitlines()[:3]
    date = re.match(r"Date: (\d{4}-\d\d-\d\d) · Status: (accepted|superseded)", dated)
    assert date
    listed = (page.parent / "README.md").read_text()
    assert f"| [{title.removeprefix('# ')}]({page.name}) | {date[1]} |" in listed


def test_the_layers_in_the_page_are_those_that_are_checked() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one.get("containers") == ["app"])
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    assert "\n".join(["```", *layers, "```"]) in page


def test_the_changelog_has_the_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    version = project["project"]["version"]
    pattern = rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$"
    assert re.search(pattern, (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)


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
    assert "7.3 GB" in text


def test_the_glossary_is_linked_and_has_no_word_twice() -> None:
    words = re.findall(r"\*\*(.+?)\*\*", (REPOSITORY / "docs" / "glossary.md").read_text())
    assert len(words) >= 30
    assert len(set(words)) == len(words)
    for page in ("README.md", "docs/architecture.md", "docs/features.md"):
        assert "glossary.md" in (REPOSITORY / page).read_text()


def test_the_way_back_names_the_newest_schema() -> None:
    table = (REPOSITORY / "docs" / "how-to" / "upgrade.md").read_text()
    assert re.findall(r"^\| this one \| (\d+) \|", table, re.MULTILINE) == [list_revisions()[-1]]
