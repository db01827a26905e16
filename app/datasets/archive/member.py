"""What the formats' readers have in common."""

from collections.abc import Iterator
from dataclasses import dataclass

CHUNK_BYTES = 64 * 1024
"""Content is read and handed on in pieces of at most this size."""


@dataclass(frozen=True)
class Member:
    """One folder or regular file of an archive, with its name as it stands there.

    content yields the file's bytes once, in pieces, before the next member is asked for; what it
    raises (damage, lies about sizes) shows only when it is read to its end.
    """

    name: str
    is_folder: bool
    content: Iterator[bytes]
