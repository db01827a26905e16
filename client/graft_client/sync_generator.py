"""Write `graft_client/synchronous` from `graft_client/asynchronous`.

    python -m graft_client.sync_generator

The result is committed; a test compares it with what this module would write. Run it after every
change in `asynchronous`. Needs ruff, which formats the result.
"""

import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent / "asynchronous"
TARGET = Path(__file__).parent / "synchronous"
BY_HAND = frozenset({"__init__.py", "runtime.py"})

_HEADER = "# Written by graft_client.sync_generator from asynchronous/{name}: change that file.\n"
_REPLACEMENTS = (
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\b__a(enter|exit|iter|next)__", r"__\1__"),
    (r"\ba(close|read|iter_bytes|iter_lines|iter_sse)\(", r"\1("),
    (r"\basynccontextmanager\b", "contextmanager"),
    (r"\bgraft_client\.asynchronous\b", "graft_client.synchronous"),
)


def generate() -> dict[str, str]:
    """Return the text of every generated module by its file name."""
    return {
        path.name: _format(_HEADER.format(name=path.name) + translate(path.read_text("utf-8")))
        for path in sorted(SOURCE.glob("*.py"))
        if path.name not in BY_HAND
    }


def translate(text: str) -> str:
    """Return a module with threads in place of an event loop."""
    for pattern, replacement in _REPLACEMENTS:
        text = re.sub(pattern, replacement, text)
    return text


def _format(text: str) -> str:
    for arguments in (["check", "--quiet", "--fix", "--select", "I"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *arguments]
        done = subprocess.run(  # noqa: S603 - the command is made of the constants above
            [*command, "--stdin-filename", str(TARGET / "module.py"), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        text = done.stdout
    return text


def main() -> None:
    """Write the modules, and delete those that have no source any more."""
    generated = generate()
    for path in TARGET.glob("*.py"):
        if path.name not in BY_HAND and path.name not in generated:
            path.unlink()
    for name, text in generated.items():
        (TARGET / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
