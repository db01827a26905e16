"""Describe the settings: their values for the service page, and a table for the documents."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.settings import Settings


@dataclass(frozen=True)
class SettingValue:
    """A setting with its current value, without passwords; a default may be described in words."""

    name: str
    value: bool | float | str | None
    default: bool | float | str | None
    description: str


def list_settings(settings: Settings) -> list[SettingValue]:
    """Return all settings, with passwords in URLs replaced."""
    values = settings.model_dump(mode="json")
    return [
        SettingValue(
            name=f"GRAFT_{name.upper()}",
            value=_to_json(_mask(name, values[name])),
            default=_BY_MACHINE.get(name) or _to_json(field.default),
            description=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _mask(name: str, value: Any) -> Any:
    if name.endswith("_secret"):
        return "***" if value else value
    return mask_passwords(value) if isinstance(value, str) else value


def _to_json(value: Any) -> Any:
    """Return a value as JSON and variables have it."""
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value) if isinstance(value, Path) else value


def mask_passwords(url: str) -> str:
    """Replace the password of a URL, a lone user name (it may be a token) and secret parameters."""
    masked = re.sub(r"://([^:/?#@]*):.*@", r"://\1:***@", url)
    masked = re.sub(r"://[^:/?#@]+@", "://***@", masked)
    return re.sub(r"(?i)([?&;][^=&;]*(?:pass|secret|token|key)[^=&;]*=)[^&;]*", r"\1***", masked)


def describe_settings() -> str:
    """Return all settings as a Markdown table, the same on every machine."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = _BY_MACHINE.get(name) or _show(field.default)
        rows.append(f"| `GRAFT_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def _show(default: object) -> str:
    return "" if default is None or default in ("", {}, []) else f"`{default}`"


_BY_MACHINE = {
    "api_processes": "CPUs / 2, but 2 to 8; 1 for a single CPU, and elsewhere than on Linux",
    "num_threads": "number of CPUs",
    "predict_lanes": "CPUs / processes, rounded up; one more where there is one process",
    "predict_gpu_lanes": "twice that",
}
