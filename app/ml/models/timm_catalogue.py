"""Read `timm_catalogue.jsonl`: timm's architectures, one JSON object per line, sorted by name.

`app.ml.models.timm_catalogue_generator` writes the file. Only the lines that are asked for are
parsed, because most processes need one of more than a thousand. Imports neither timm nor torch.
"""

import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

PREFIX = "timm:"
INSTALL = "the library timm is not installed here; install graft-server[timm]."
CATALOGUE_PATH = Path(__file__).with_name("timm_catalogue.jsonl")

_NAME = re.compile(r'^\{"name":"([^"]+)"(,"refused")?', re.MULTILINE)


def is_timm(name: str) -> bool:
    """Return whether a name is one of timm's architectures."""
    return name.startswith(PREFIX)


def split_tag(name: str) -> tuple[str, str | None]:
    """Split the tag of weights from an architecture's name, as timm writes them: `timm:name.tag`.

    Names of torchvision have no tag.
    """
    if not is_timm(name):
        return name, None
    architecture, _, tag = name.partition(".")
    return architecture, tag or None


def is_installed() -> bool:
    """Return whether timm is installed; it is an extra of the service."""
    return importlib.util.find_spec("timm") is not None


@cache
def list_names() -> tuple[str, ...]:
    """List the architectures that can be trained, each with the prefix `timm:`, by name."""
    return tuple(name for name, refused in _NAME.findall(_read_text()) if not refused)


def read(name: str) -> dict[str, Any]:
    """Return the values of an architecture's line; of a refused one, its name and the reason.

    Raises KeyError for a name that timm does not have.
    """
    text = _read_text()
    start = text.find(f'{{"name":"{name}",')
    if start < 0:
        raise KeyError(name)
    values: dict[str, Any] = json.loads(text[start : text.index("\n", start)])
    if "layers" in values:
        values["layers"] = [
            {"name": first, "num_parameters": count, "also": also}
            for first, count, *also in values["layers"]
        ]
    return values


@cache
def _read_text() -> str:
    return CATALOGUE_PATH.read_text(encoding="utf-8")
