"""The result of one check of `graft doctor`."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it; advice is empty if nothing needs to be done."""

    status: Status
    found: str
    advice: str = ""


def ok(found: str) -> Finding:
    """Return that nothing needs to be done."""
    return Finding("ok", found)


def warning(found: str, advice: str) -> Finding:
    """Return that the service runs, but not as well or as safely as it could."""
    return Finding("warning", found, advice)


def error(found: str, advice: str) -> Finding:
    """Return that something does not work."""
    return Finding("error", found, advice)
