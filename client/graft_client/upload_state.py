"""Remember interrupted uploads in small files, so that a later program continues them."""

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from graft_client.errors import InvalidInput
from graft_client.packing import Source, find_source

_MAX_AGE_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True)
class UploadState:
    """Where the path of a source's unfinished upload is stored; the file may not exist.

    A folder that cannot be read or written is no error: then nothing is remembered.
    """

    file: Path

    def load(self) -> str | None:
        """Return the path of the upload in the service, such as `/uploads/upl_…`; None without."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            return str(json.loads(self.file.read_text("utf-8"))["upload"])
        return None

    def store(self, upload: str, source: Source) -> None:
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            _delete_old(self.file.parent)
            text = json.dumps({"upload": upload, "source": str(source.path)}, indent=2)
            self.file.write_text(text, "utf-8")

    def forget(self) -> None:
        with suppress(OSError):
            self.file.unlink(missing_ok=True)


def find_state(url: str, source: Source) -> UploadState:
    """Return where the upload of a source to a service is remembered.

    The file is another one as soon as the source or one of its files has changed.
    """
    name = sha256(f"{url.rstrip('/')}\0{source.fingerprint}".encode()).hexdigest()[:32]
    return UploadState(_state_folder() / "graft" / "uploads" / f"{name}.json")


def is_remembered(url: str, path: Path) -> bool:
    """Return whether an upload of a file or folder to a service can be continued."""
    try:
        return find_state(url, find_source(path)).load() is not None
    except (OSError, InvalidInput):
        return False


def _state_folder() -> Path:
    """Return the folder for state, as the XDG Base Directory Specification says."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")


def _delete_old(folder: Path) -> None:
    for file in folder.glob("*.json"):
        if time.time() - file.stat().st_mtime > _MAX_AGE_SECONDS:
            file.unlink(missing_ok=True)
