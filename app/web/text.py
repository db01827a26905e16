"""The rule for text in requests: no control characters but tab, line feed and carriage return.

PostgreSQL cannot store U+0000, and no other control character has a meaning here. The rule holds
for paths, queries and JSON bodies (`app.web.middleware`), and for form fields by `TEXT_PATTERN`.
"""

import re
from typing import Any

_FORBIDDEN = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_control = re.compile(f"[{_FORBIDDEN}]")
_maybe_in_json = re.compile(r"\\u00[01]|\\[bf]|[\x7f-\x9f]")

TEXT_PATTERN = rf"^[^{_FORBIDDEN}]*$"

ALLOWED = ("text without control characters, except tab, line feed and carriage return",)


def find_control_character(text: str) -> str | None:
    """Return the first forbidden character of a text, such as `U+0000`; None if it has none."""
    found = _control.search(text)
    return f"U+{ord(found[0]):04X}" if found else None


def find_in_json(value: Any, encoded: str) -> tuple[tuple[str | int, ...], str] | None:
    """Return where a JSON value has a forbidden character, and the character; None if it has none.

    encoded is the value as JSON text (`json.dumps` with ensure_ascii=False), which is searched
    first. A key is reported at its value's place.
    """
    if not _maybe_in_json.search(encoded):
        return None
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, str) and (found := find_control_character(one)):
            return path, found
        if isinstance(one, dict):
            for key, inner in one.items():
                waiting += [((*path, key), inner), ((*path, key), key)]
        if isinstance(one, list):
            waiting += [((*path, number), inner) for number, inner in enumerate(one)]
    return None
