"""Check the names of an archive's entries.

Files are stored under generated keys, never under these names. Names that are unsafe or that have
another meaning on another operating system are rejected anyway.
"""

import re
import unicodedata

from app.errors import ArchiveUnsafePath

MAX_PART_CHARACTERS = 255
MAX_PATH_CHARACTERS = 1024
MAX_PARTS = 64

_DRIVE = re.compile(r"[A-Za-z]:")
_RESERVED = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{device}{number}" for device in ("COM", "LPT") for number in "123456789¹²³"]
)
"""Device names of Windows, with any extension (Microsoft, "Naming Files")."""


def safe_path(name: str) -> str:
    """Return an entry's relative path without `.` and empty parts; "" for the root folder.

    Raises ArchiveUnsafePath for a name that leaves the archive's folder or is not valid on every
    operating system: absolute, `..`, drive letters, backslashes, NUL, Windows device names, parts
    that are too long or too many.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/"):
        raise _unsafe(name, "is absolute")
    if _DRIVE.match("/".join(parts)):
        raise _unsafe(name, "begins with a drive letter")
    if "\\" in name or "\0" in name:
        raise _unsafe(name, "contains a backslash or NUL")
    if len(name) > MAX_PATH_CHARACTERS:
        raise _unsafe(name, f"is longer than {MAX_PATH_CHARACTERS} characters")
    if len(parts) > MAX_PARTS:
        raise _unsafe(name, f"has more than {MAX_PARTS} parts")
    for part in parts:
        if not part.rstrip(". "):
            raise _unsafe(name, "leads out of its folder")
        if part.partition(".")[0].rstrip(" ").upper() in _RESERVED:
            raise _unsafe(name, "is reserved on Windows")
        if len(unicodedata.normalize("NFC", part)) > MAX_PART_CHARACTERS:
            raise _unsafe(name, f"has a part longer than {MAX_PART_CHARACTERS} characters")
    return "/".join(parts)


def _unsafe(name: str, what: str) -> ArchiveUnsafePath:
    return ArchiveUnsafePath(f"The entry name {name[:100]!r} {what}.")
