"""The headers of tus 1.0, and which interruptions an upload survives."""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256

from graft_client.errors import ApiError, ConnectionFailed, GraftError
from graft_client.retrying import pause_before

PATH = "/uploads"

MIN_BYTES = 64 * 1024 * 1024
"""Larger sources are sent in parts."""

PART_BYTES = 16 * 1024 * 1024
"""Bytes of one request, with their checksum; as many are lost at most when a connection breaks."""

PATIENCE_SECONDS = 300.0
"""An upload that makes no progress for this long is given up; it can be continued later."""

_PIECE_BYTES = 256 * 1024
_MAX_PAUSE_SECONDS = 10.0
_VERSION = {"Tus-Resumable": "1.0.0"}
_PASSING_STATUSES = frozenset({408, 423, 429, 460, 500, 502, 503, 504, 507})
_PASSING_CODES = frozenset({"UPLOAD_OFFSET_MISMATCH", "BODY_INCOMPLETE"})
_GONE_STATUSES = frozenset({404, 410})


def version_headers() -> dict[str, str]:
    """Return the headers of every request."""
    return dict(_VERSION)


def creation_headers(length: int, filename: str) -> dict[str, str]:
    """Return the headers that create an upload."""
    name = b64encode(filename.encode(errors="replace")).decode()
    return _VERSION | {"Upload-Length": str(length), "Upload-Metadata": f"filename {name}"}


def part_headers(offset: int, part: bytes) -> dict[str, str]:
    """Return the headers that send a part."""
    return _VERSION | {
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(len(part)),
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha256 {b64encode(sha256(part).digest()).decode()}",
    }


def split_part(part: bytes, on_sent: Callable[[int], None]) -> Iterator[bytes]:
    """Yield a part in pieces; calls on_sent with the bytes of it that have been taken."""
    for start in range(0, len(part), _PIECE_BYTES):
        yield part[start : start + _PIECE_BYTES]
        on_sent(min(start + _PIECE_BYTES, len(part)))


def is_gone(error: ApiError) -> bool:
    """Return whether the service does not have the upload any more."""
    return error.status in _GONE_STATUSES


class Patience:
    """Decides how long to go on after errors; begin a new one after each progress."""

    def __init__(self) -> None:
        self._gives_up_at = time.monotonic() + PATIENCE_SECONDS
        self._num_errors = 0

    def next_pause(self, error: GraftError) -> float:
        """Return the seconds before the next try; raises the error if trying is in vain."""
        is_passing = isinstance(error, ConnectionFailed) or (
            isinstance(error, ApiError)
            and (error.status in _PASSING_STATUSES or error.code in _PASSING_CODES)
        )
        if not is_passing or time.monotonic() >= self._gives_up_at:
            raise error
        self._num_errors += 1
        return min(pause_before(self._num_errors), _MAX_PAUSE_SECONDS)
