"""Read values from the command line: pairs, JSON, and the answer to a question."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from graft_client.console.reporting import refuse


def read_pairs(texts: Sequence[str] | None, option: str) -> dict[str, str] | None:
    """Return the pairs of KEY=VALUE texts; None if there are none."""
    return dict(_split(text, option) for text in texts) if texts else None


def read_fields(texts: Sequence[str] | None, option: str) -> dict[str, Any]:
    """Return the fields of KEY=VALUE texts; dots in a key lead into objects.

    A value is JSON, or else the text itself.
    """
    fields: dict[str, Any] = {}
    for text in texts or ():
        key, value = _split(text, option)
        set_field(fields, key, _read_value(value), option)
    return fields


def set_field(fields: dict[str, Any], key: str, value: object, option: str) -> None:
    """Set a field whose key may have dots; a field cannot be a value and an object at once."""
    *outer, last = key.split(".")
    inside = fields
    for name in outer:
        inside = inside.setdefault(name, {})
        if not isinstance(inside, dict):
            refuse(f"{option} {key}: '{name}' has another value already; remove one of the two.")
    if last in inside:
        refuse(f"{option} {key}: this field is given twice; remove one of the two.")
    inside[last] = value


def read_json_file(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file, `-` for standard input."""
    text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    try:
        content = json.loads(text)
    except ValueError as error:
        refuse(f"{path} is not JSON: {error}.")
    if not isinstance(content, dict):
        refuse(f"{path} has no JSON object; it must be one, like the body of the HTTP request.")
    return content


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is deleted; end the command if the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        refuse(f"{question} Give --yes to confirm.")
    typer.confirm(question, abort=True, err=True)


def _split(text: str, option: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not all(key.split(".")):
        refuse(f"{option} is '{text}'; it must be KEY=VALUE.")
    return key, value


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
