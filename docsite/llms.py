"""Write `llms.txt` and `llms-full.txt`: the site for programs that read text.

The format is that of llmstxt.org: a title, a summary, and lists of links with a line on each.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class TextPage:
    """A page of the site as Markdown; `path` ends in `.md` and is relative to the site."""

    section: str
    title: str
    path: str
    markdown: str


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
    """Return the first sentence of a page, without markup; empty if it opens with something else."""
    for block in re.split(r"\n\s*\n", markdown):
        text = " ".join(block.split())
        if text and text[0] not in "#|!<`-:=*" and not text.startswith("Date:"):
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", lambda match: match[1] or "", text)
            return re.split(r"(?<=[.?!:])\s", plain, maxsplit=1)[0].rstrip(":")
    return ""
