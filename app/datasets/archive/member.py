"""The member of an archive, as the readers of all formats return it."""

from collections.abc import Iterator
from dataclasses import dataclass

CHUNK_BYTES = 64 * 1024
"""Content is read and yielded in pieces of at most this size."""


@dataclass(frozen=True)
class Member:
    """One folder or regular file of an archive, with its unchecked name.

    content yields the file's bytes in pieces. It can be read once, and only before the next member
    is requested. Errors (damage, wrong sizes) may be raised as late as at its end.
    """

    name: str
    is_folder: bool
    content: Iterator[bytes]
