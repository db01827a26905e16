"""Choose where progress is shown: in a notebook, in a terminal, or nowhere."""

import sys
from typing import TypeAlias

from graft_client.display.base import Display, SilentDisplay

ShowProgress: TypeAlias = bool | Display
"""True shows progress in a notebook or an interactive terminal, and nothing elsewhere."""


def open_display(progress: ShowProgress, title: str) -> Display:
    """Return the display for this program, or the one that is given."""
    if not isinstance(progress, bool):
        return progress
    if progress and in_notebook():
        from graft_client.display.notebook import NotebookDisplay  # noqa: PLC0415 - see rich below

        return NotebookDisplay(title)
    if progress and sys.stderr.isatty():
        from graft_client.display.terminal import TerminalDisplay  # noqa: PLC0415 - rich is slow

        return TerminalDisplay(title)
    return SilentDisplay()


def in_notebook() -> bool:
    """Return whether this code runs in the kernel of a notebook."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")
