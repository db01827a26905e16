"""The built files of the dashboard, compressed once and held in memory."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from app.errors import NotFound, Unavailable

STATIC = Path(__file__).parent / "static"
"""The output of `make web` (`web/vite.config.ts`); wheels and images contain it."""

PAGE = "index.html"

_COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml")


@dataclass(frozen=True)
class DashboardFile:
    """A file with its headers; `compressed` is the gzip of `content`, None if that saves nothing.

    Names below `assets/` contain a hash of their content, so they never change.
    """

    content: bytes
    compressed: bytes | None
    content_type: str
    etag: str
    is_immutable: bool


def find_file(path: str) -> DashboardFile:
    """Return the file at a path below `/ui/`; every path of a page is the same HTML file.

    Raises NotFound for an unknown asset, Unavailable if the dashboard has not been built.
    """
    names = list_files()
    if path in names:
        return _load(path)
    if path.startswith("assets/") or ("." in path and "/" not in path):
        raise NotFound(f"The dashboard has no file '{path}'.")
    return _load(PAGE)


@lru_cache(maxsize=1)
def list_files() -> frozenset[str]:
    """Return the paths of all files; raises Unavailable if the dashboard has not been built."""
    if not (STATIC / PAGE).is_file():
        raise Unavailable(
            "The dashboard is not built. Run `make web`, and start the service again."
        )
    files = (file.relative_to(STATIC) for file in STATIC.rglob("*") if file.is_file())
    return frozenset(file.as_posix() for file in files if file.parts[0] != ".vite")


@lru_cache(maxsize=256)
def _load(path: str) -> DashboardFile:
    content = (STATIC / path).read_bytes()
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if kind == "text/javascript":
        kind = "application/javascript"
    compressed = None
    if kind.startswith(_COMPRESSIBLE):
        compressed = gzip.compress(content, mtime=0)
    return DashboardFile(
        content=content,
        compressed=compressed if compressed and len(compressed) < len(content) else None,
        content_type=f"{kind}; charset=utf-8" if kind.startswith(_COMPRESSIBLE) else kind,
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        is_immutable=path.startswith("assets/"),
    )
