"""List the error codes of the service from its classes of errors."""

from dataclasses import dataclass
from http import HTTPStatus

import app.backup.errors
import app.sign_in.errors  # noqa: F401 - so that their classes are found
from app.errors import GraftError
from app.web.problems import status_of
from docsite.schemas import in_cell

FRAMEWORK_STATUSES = (HTTPStatus.METHOD_NOT_ALLOWED,)
"""Statuses that the web framework answers by itself and that no class of errors has."""


@dataclass(frozen=True)
class ErrorCode:
    """A code, the HTTP status of an answer that has it, and its meaning."""

    code: str
    status: int
    meaning: str


def list_error_codes() -> list[ErrorCode]:
    """Return every code of the service, sorted by code; the most general class explains it."""
    classes: list[type[GraftError]] = [GraftError]
    for error in classes:
        classes += error.__subclasses__()
    found: dict[str, ErrorCode] = {}
    for error in classes:
        meaning = (error.__doc__ or "").strip()
        found.setdefault(error.code, ErrorCode(error.code, status_of(error), meaning))
    for status in FRAMEWORK_STATUSES:
        code = status.phrase.upper().replace(" ", "_")
        found[code] = ErrorCode(code, status, status.description)
    return sorted(found.values(), key=lambda one: one.code)


def write_error_codes(entries: str) -> str:
    """Return the table of all codes; entries: the page that has an entry for each."""
    rows = ["| code | status | meaning |", "|---|---|---|"]
    for one in list_error_codes():
        link = f"[`{one.code}`]({entries}#{one.code.lower()})"
        rows.append(f"| {link} | {one.status} | {in_cell(one.meaning)} |")
    return "\n".join(rows) + "\n"
