"""Where the pages of the site come from, and how links between them are rewritten.

Pages live in `docs/`, and a few at the root of the repository, where forges expect them. Links in
both are relative to the file, so that they lead somewhere in a clone too.
"""

import posixpath
import re
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent

ROOT_PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "LICENSE": "licence.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
    "README.md": "index.md",
}
"""Pages of the site by the file in the repository; the README's place is taken by the home page."""

_DOCS = "docs/"
_LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)")
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def read_root_pages() -> dict[str, str]:
    """Return the pages of the site that are files outside `docs/`, as Markdown."""
    pages = {}
    for source, page in ROOT_PAGES.items():
        if page == "index.md":
            continue
        text = (REPOSITORY / source).read_text(encoding="utf-8")
        pages[page] = f"# Licence\n\n```text\n{text}```\n" if source == "LICENSE" else text
    return pages


def rewrite_links(markdown: str, page: str) -> str:
    """Return a page whose relative links lead to pages of the site.

    page: its path in the site. A link to a file that is no page of the site becomes plain text.
    """
    source = next((key for key, value in ROOT_PAGES.items() if value == page), _DOCS + page)
    if page == "index.md":
        source = _DOCS + page

    def rewrite(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[2]))
        found = ROOT_PAGES.get(target) or target.removeprefix(_DOCS)
        return (
            f"{match[1]}{posixpath.relpath(found, posixpath.dirname(page) or '.')}{match[3] or ''})"
        )

    pieces, end = [], 0
    for fence in _FENCE.finditer(markdown):
        pieces += [_LINK.sub(rewrite, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*pieces, _LINK.sub(rewrite, markdown[end:])])
