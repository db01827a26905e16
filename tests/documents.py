"""Read the blocks of code of a page of the documentation."""

import re
from pathlib import Path
from textwrap import dedent

_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def read_blocks(page: Path, language: str) -> str:
    """Every block of a language, in order and without the indentation of tabs."""
    blocks = _BLOCK.findall(page.read_text(encoding="utf-8"))
    return "\n".join(dedent(code) for _, name, code in blocks if name == language)
