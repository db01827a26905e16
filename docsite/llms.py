"""Write `llms.txt` and `llms-full.txt`: the site for programs that read text.

The format is that of llmstxt.org: a title, a summary, and lists of links with a line on each.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NO_PROSE = re.compile(r"[#|!<:=-]|\*[^*]|\d+\. |Date: ")


@dataclass(frozen=True)
class TextPage:
    """A page of the site as Markdown; `path` ends in `.md` and is relative to the site."""

    section: str
    path: str
    markdown: str

    @property
    def title(self) -> str:
        """The first heading."""
        found = re.search(r"^# (.+?)(?: \{.*)?$", self.markdown, re.MULTILINE)
        return found[1] if found else self.path


def write_index(summary: str, pages: Iterable[TextPage]) -> str:
    """Return `llms.txt`."""
    lines = ["# Graft", "", f"> {summary}"]
    section = ""
    for page in pages:
        if page.section != section:
            section = page.section
            lines += ["", f"## {section}", ""]
        about = _first_sentence(page.markdown)
        lines.append(f"- [{page.title}]({page.path})" + (f": {about}" if about else ""))
    return "\n".join(lines) + "\n"


def write_full(pages: Iterable[TextPage]) -> str:
    """Return `llms-full.txt`: every page, each under a line with its path."""
    return "\n".join(f"<!-- {page.path} -->\n\n{page.markdown.strip()}\n" for page in pages)


def _first_sentence(markdown: str) -> str:
    """Return the first sentence of a page, without markup; empty if the page has none."""
    prose = re.sub(r"^ *```.*?^ *```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    for block in re.split(r"\n\s*\n", prose):
        text = " ".join(block.split())
        if text and not _NO_PROSE.match(text):
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", lambda match: match[1] or "", text)
            return re.split(r"(?<=[.?!])\s", plain, maxsplit=1)[0]
    return ""
