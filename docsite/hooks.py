"""What MkDocs calls while it builds the site: adds generated pages, and text for programs."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation, Section
from mkdocs.structure.pages import Page

from docsite import http_api, llms
from docsite.commands import write_commands
from docsite.diagrams import draw_diagrams
from docsite.error_codes import write_error_codes
from docsite.metrics import write_metrics
from docsite.pages import read_root_pages, rewrite_links
from docsite.python_client import write_python_client

_GENERATED: dict[str, Callable[[], str]] = {
    "http-api": lambda: http_api.write_overview(http_api.read_document()),
    "commands": write_commands,
    "python-client": write_python_client,
    "metrics": write_metrics,
    "error-codes": lambda: write_error_codes("../troubleshooting.md"),
}
_MARK = re.compile(r"^<!-- generated: ([\w-]+) -->$", re.MULTILINE)

_texts: dict[str, str] = {}
"""The Markdown of each page of this build, by its path."""

_order: list[tuple[str, str]] = []
"""The section of the navigation and the path of each page, in the order of the navigation."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages of the HTTP API in the navigation, after their overview."""
    _texts.clear()
    document = http_api.read_document()
    names = [http_api.page_of(tag) for tag, _ in http_api.list_tags(document)]
    pages = [f"{http_api.FOLDER}/{name}" for name in (*names, http_api.BODIES_PAGE)]
    _find_list(config.nav or [], "HTTP API").extend(pages)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not files in `docs/`."""
    generated = http_api.write_pages(http_api.read_document())
    for path, text in (read_root_pages() | generated).items():
        files.append(File.generated(config, path, content=text))
    return files


def on_nav(nav: Navigation, **_: Any) -> Navigation:
    """Keep the order and the sections of the pages for `llms.txt`."""
    _order[:] = _list_pages(nav.items, "Graft")
    return nav


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Fill in the generated part of a page, and let its links lead to pages of the site."""
    path = page.file.src_uri
    filled = _MARK.sub(lambda match: _GENERATED[match[1]](), markdown)
    if not path.startswith(f"{http_api.FOLDER}/"):
        filled = rewrite_links(filled, path)
    _texts[path] = filled
    return draw_diagrams(filled)


def on_post_build(config: MkDocsConfig) -> None:
    """Write each page as Markdown beside its HTML, `llms.txt` and `llms-full.txt`."""
    site = Path(config.site_dir)
    pages = [llms.TextPage(section, path, _texts[path]) for section, path in _order]
    for page in pages:
        (site / page.path).write_text(page.markdown, encoding="utf-8")
    index = llms.write_index(str(config.site_description), pages)
    (site / "llms.txt").write_text(index, encoding="utf-8")
    (site / "llms-full.txt").write_text(llms.write_full(pages), encoding="utf-8")


def _list_pages(items: Iterable[Any], section: str) -> Iterator[tuple[str, str]]:
    """Yield the pages below some items of the navigation; only outermost titles are sections."""
    for item in items:
        if isinstance(item, Section):
            title = section if item.parent else item.title
            yield from _list_pages(item.children, title)
        elif isinstance(item, Page):
            yield section, item.file.src_uri


def _find_list(nav: Iterable[Any], title: str) -> list[Any]:
    """Return the list under a title of the navigation; raises LookupError if there is none."""
    for item in nav:
        for name, value in item.items() if isinstance(item, dict) else ():
            if name == title and isinstance(value, list):
                return value
            if isinstance(value, list):
                with suppress(LookupError):
                    return _find_list(value, title)
    raise LookupError(title)
