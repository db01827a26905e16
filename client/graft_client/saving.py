"""Write files atomically."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that gets its name when the block ends well; after an error nothing is left."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def save_atomically(path: Path, chunks: Iterable[bytes]) -> Path:
    """Write chunks to a file; return its path."""
    with new_file(path) as file:
        file.writelines(chunks)
    return path
