"""The documentation as a site: it builds strictly, and its generated parts agree with the code."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.main import create_app
from app.settings import Settings
from app.settings_text import describe_settings
from docsite import llms
from docsite.commands import write_commands
from docsite.diagrams import draw_diagrams
from docsite.error_codes import list_error_codes
from docsite.http_api import write_overview, write_pages
from docsite.metrics import write_metrics
from docsite.pages import rewrite_links
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.xdist_group("site"), pytest.mark.timeout(900)]

TROUBLESHOOTING = REPOSITORY / "docs" / "troubleshooting.md"


class Loads(HTMLParser):
    """Collects the addresses that a browser loads by itself, and those that a reader may click."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.loaded += [values[name] or "" for name in ("src", "srcset") if name in values]
        if "href" in values:
            (self.linked if tag == "a" else self.loaded).append(values["href"] or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it, but elsewhere."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


def list_loads(page: Path) -> Loads:
    loads = Loads()
    loads.feed(page.read_text(encoding="utf-8"))
    return loads


def test_the_site_has_every_page_of_the_repository(site: Path) -> None:
    docs = REPOSITORY / "docs"
    for page in docs.rglob("*.md"):
        name = "index.html" if page.name == "README.md" else f"{page.stem}.html"
        assert (site / page.relative_to(docs).parent / name).is_file()
    for name in ("changelog", "contributing", "benchmarks", "licence"):
        assert (site / f"{name}.html").is_file()


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert pages
    for page in pages:
        loaded = list_loads(page).loaded
        assert loaded
        assert [one for one in loaded if re.match(r"(?:https?:)?//", one)] == []


def test_links_of_the_built_pages_lead_to_files(site: Path) -> None:
    """Also those of generated parts, and those out of `docs/`, which were rewritten."""
    for page in site.rglob("*.html"):
        targets = {link.partition("#")[0] for link in list_loads(page).linked}
        local = [one for one in targets if one and not re.match(r"\w+:|/|\.$", one)]
        missing = [one for one in local if not (page.parent / one).exists()]
        assert missing == [], page.name


def test_no_mark_of_a_generated_part_is_left(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert "<!-- generated" not in page.read_text(encoding="utf-8")


def test_the_python_client_is_described(site: Path) -> None:
    page = (site / "reference" / "python-client.html").read_text(encoding="utf-8")
    assert "doc-class" in page


def test_diagrams_are_drawn(site: Path) -> None:
    source = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    page = (site / "architecture.html").read_text(encoding="utf-8")
    assert source.count("```mermaid") == page.count('src="data:image/svg+xml') > 0
    assert "flowchart" not in page


def test_programs_get_an_index_and_every_page_as_text(site: Path) -> None:
    index = (site / "llms.txt").read_text(encoding="utf-8")
    assert index.startswith("# Graft\n\n> ")
    linked = re.findall(r"^- \[[^]]+\]\(([^)]+)\)", index, re.MULTILINE)
    assert {"index.md", "tutorial.md", "reference/http-api/jobs.md"} <= set(linked)
    full = (site / "llms-full.txt").read_text(encoding="utf-8")
    for path in linked:
        text = (site / path).read_text(encoding="utf-8")
        assert text.strip() in full
    assert re.findall(r"^<!-- generated", full, re.MULTILINE) == []


def test_every_code_has_an_entry_that_says_what_to_do() -> None:
    text = TROUBLESHOOTING.read_text(encoding="utf-8")
    entries = dict(re.findall(r"^### `([A-Z_]+)`\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL))
    assert sorted(entries) == [one.code for one in list_error_codes()]
    for code, entry in entries.items():
        parts = re.findall(r"^\*\*([\w ]+)\*\*: \S", entry, re.MULTILINE)
        assert parts == ["It means", "Why", "What to do"], code


def test_every_code_of_the_client_is_explained() -> None:
    sources = (REPOSITORY / "client" / "graft_client").rglob("*.py")
    literals = re.compile(r'"([A-Z]{2,}(?:_[A-Z]+)+)"')
    codes = {code for path in sources for code in literals.findall(path.read_text("utf-8"))}
    codes -= {name for name in codes if name.startswith(("GRAFT_", "PYTHON", "XDG_"))}
    text = TROUBLESHOOTING.read_text(encoding="utf-8")
    assert "WAIT_TIMEOUT" in codes
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


NO_SETTINGS = {
    "GRAFT_API_KEY",
    "GRAFT_FAULTS_SCALE",
    "GRAFT_METRICS_KEY",
    "GRAFT_SHARED_DIR",
    "GRAFT_TEST_DATABASE",
    "GRAFT_TEST_SHUFFLE",
    "GRAFT_URL",
}
"""Variables of clients, of the compose file and of the tests."""


def test_settings_that_entries_name_exist() -> None:
    for page in (REPOSITORY / "docs").rglob("*.md"):
        named = set(re.findall(r"GRAFT_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8")))
        unknown = {one for one in named if f"`{one}`" not in describe_settings()}
        assert unknown <= NO_SETTINGS, page.name


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return create_app(Settings(data_dir=tmp_path_factory.mktemp("data"))).openapi()


def test_the_reference_has_every_route(document: dict[str, dict[str, dict[str, object]]]) -> None:
    overview = write_overview(document)
    pages = "\n".join(write_pages(document).values())
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"`{method.upper()} {path}`" in overview
            assert f"```http\n{method.upper()} {path}\n```" in pages
    for name in document["components"]["schemas"]:
        assert f"## {name} {{ #{name.lower()} }}" in pages


def test_the_reference_links_to_anchors_that_exist(
    document: dict[str, dict[str, dict[str, object]]],
) -> None:
    pages = write_pages(document)
    anchors = {path.rpartition("/")[2]: set(re.findall(r"\{ #(\S+) \}", text))
               for path, text in pages.items()}  # fmt: skip
    links = re.findall(r"\]\(http-api/([\w-]+\.md)#([\w-]+)\)", write_overview(document))
    for path, text in pages.items():
        found = re.findall(r"\]\(([\w-]*\.?m?d?)#([\w-]+)\)", text)
        links += [(page or path.rpartition("/")[2], anchor) for page, anchor in found]
    assert len(links) > len(pages)
    assert [(page, anchor) for page, anchor in links if anchor not in anchors[page]] == []


def test_the_reference_has_every_command() -> None:
    text = write_commands()
    for command in ("predict", "promote", "up", "worker", "settings"):
        assert f"### `graft {command}`" in text
    assert "--queue" in text
    assert "--with-parent" not in text, "a hidden option"


def test_metrics_have_a_type_and_a_meaning() -> None:
    rows = [line.split(" | ") for line in write_metrics().splitlines()[2:]]
    names = {row[0].strip("| `") for row in rows}
    assert {"graft_http_requests_total", "graft_jobs", "graft_gpu_utilization_ratio"} <= names
    assert all(row[1] in {"counter", "gauge", "histogram"} and row[3] for row in rows)


def test_links_out_of_the_documents_lead_to_pages_of_the_site() -> None:
    page = "[rules](../CONTRIBUTING.md#x) [up](https://a.b) [same](#y) [beside](glossary.md)"
    assert rewrite_links(page, "features.md") == (
        "[rules](contributing.md#x) [up](https://a.b) [same](#y) [beside](glossary.md)"
    )
    assert rewrite_links("[c](../../CHANGELOG.md)", "how-to/upgrade.md") == "[c](../changelog.md)"
    assert rewrite_links("[g](docs/glossary.md)", "changelog.md") == "[g](glossary.md)"
    assert rewrite_links("[r](../docs/results.md)", "benchmarks.md") == "[r](results.md)"
    code = "```sh\na[0](b.md)\n```\n"
    assert rewrite_links(code, "how-to/upgrade.md") == code


def test_the_index_takes_the_first_sentence_of_prose() -> None:
    pages = [
        llms.TextPage("How-to", "one.md", "# One\n\n```sh\nx\n```\n\nA `b` [c](d). E.\n"),
        llms.TextPage("How-to", "two.md", "# Two\n\n- a list\n"),
    ]
    assert llms.write_index("What it is.", pages).splitlines() == [
        "# Graft",
        "",
        "> What it is.",
        "",
        "## How-to",
        "",
        "- [One](one.md): A b c.",
        "- [Two](two.md)",
    ]


def test_a_diagram_with_an_error_fails_the_build() -> None:
    with pytest.raises(Exception, match=r"."):
        draw_diagrams("```mermaid\nflowchart LR\n  a --> --> [\n```\n")
