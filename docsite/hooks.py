"""What MkDocs calls while it builds the site: adds generated pages, and text for programs."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation, Section
from mkdocs.structure.pages import Page

from docsite import http_api, llms
from docsite.commands import write_commands
from docsite.error_codes import write_error_codes
from docsite.metrics import write_metrics
from docsite.pages import read_root_pages, rewrite_links
from docsite.python_client import write_python_client

_GENERATED = {
    "http-api": lambda: http_api.write_overview(http_api.read_document()),
    "commands": write_commands,
    "python-client": write_python_client,
    "metrics": write_metrics,
    "error-codes": lambda: write_error_codes("../troubleshooting.md"),
}
_MARK = re.compile(r"^<!-- generated: ([\w-]+) -->$", re.MULTILINE)
_texts: dict[str, llms.TextPage] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages of the HTTP API in the navigation, after their overview."""
    _texts.clear()
    document = http_api.read_document()
    names = [http_api.page_of(tag) for tag, _ in http_api.list_tags(document)]
    pages = [f"{http_api.FOLDER}/{name}" for name in (*names, http_api.BODIES_PAGE)]
    _find_list(config.nav, "HTTP API").extend(pages)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are not files in `docs/`."""
    generated = http_api.write_pages(http_api.read_document())
    for path, text in (read_root_pages() | generated).items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Fill in the generated part of a page, and let its links lead to pages of the site."""
    path = page.file.src_uri
    filled = _MARK.sub(lambda match: _GENERATED[match[1]](), markdown)
    if not path.startswith(f"{http_api.FOLDER}/"):
        filled = rewrite_links(filled, path)
    _texts[path] = llms.TextPage("", str(page.title), path, filled)
    return filled


def on_nav(nav: Navigation, **_: Any) -> Navigation:
    """Keep the order and the sections of the pages for `llms.txt`."""
    _order[:] = _list_pages(nav.items, "Graft")
    return nav


def on_post_build(config: MkDocsConfig) -> None:
    """Write each page as Markdown beside its HTML, `llms.txt` and `llms-full.txt`."""
    site = Path(config.site_dir)
    pages = [
        llms.TextPage(section, page.title, page.path, page.markdown)
        for section, path in _order
        if (page := _texts.get(path))
    ]
    for page in pages:
        (site / PurePosixPath(page.path)).write_text(page.markdown, encoding="utf-8")
    (site / "llms.txt").write_text(llms.write_index(config.site_description, pages), "utf-8")
    (site / "llms-full.txt").write_text(llms.write_full(pages), encoding="utf-8")


_order: list[tuple[str, str]] = []


def _list_pages(items: list[Any], section: str) -> Iterator[tuple[str, str]]:
    for item in items:
        if isinstance(item, Section):
            yield from _list_pages(item.children, item.title if section == "Graft" else section)
        elif isinstance(item, Page):
            yield section, item.file.src_uri


def _find_list(nav: Any, title: str) -> list[Any]:
    """Return the list under a title of the navigation; raises LookupError if there is none."""
    for item in nav:
        for name, value in item.items() if isinstance(item, dict) else ():
            if name == title:
                return list(value) if not isinstance(value, list) else value
            if isinstance(value, list):
                try:
                    return _find_list(value, title)
                except LookupError:
                    continue
    raise LookupError(title)
