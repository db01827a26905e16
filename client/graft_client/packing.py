"""Pack a folder into a zip while it is sent."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graft_client.errors import InvalidInput

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class Source:
    """A file to send, or a folder that is sent as a zip; num_bytes counts the files' contents."""

    path: Path
    filename: str
    files: tuple[Path, ...]
    num_bytes: int

    @property
    def is_folder(self) -> bool:
        """Whether the source is a folder."""
        return not (len(self.files) == 1 and self.files[0] == self.path)

    @property
    def stem(self) -> str:
        """The name without the suffix of an archive."""
        return self.filename.partition(".")[0]

    def read(self) -> Iterator[bytes]:
        """Yield the bytes of the file, or of the folder's zip; the same each time.

        Raises OSError if a file cannot be read.
        """
        return self._pack() if self.is_folder else _read(self.path)

    def _pack(self) -> Iterator[bytes]:
        """The zip does not compress: image files would not become smaller."""
        sink = _Sink()
        with zipfile.ZipFile(sink, "w", strict_timestamps=False) as archive:
            for path in self.files:
                name = path.relative_to(self.path).as_posix()
                entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
                with archive.open(entry, "w") as target:
                    for chunk in _read(path):
                        target.write(chunk)
                        yield sink.take()
        yield sink.take()


def find_source(path: Path) -> Source:
    """Return the file or folder to send; raises FileNotFoundError, or InvalidInput if it is empty.

    Files of a folder are in the order of their paths.
    """
    if path.is_dir():
        files = tuple(sorted(one for one in path.rglob("*") if one.is_file()))
        if not files:
            raise InvalidInput(f"The folder '{path}' has no files.")
        total = sum(file.stat().st_size for file in files)
        return Source(path, f"{path.resolve().name or 'folder'}.zip", files, total)
    if not path.exists():
        raise FileNotFoundError(2, "No such file or directory", str(path))
    return Source(path, path.name, (path,), path.stat().st_size)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


class _Sink(io.RawIOBase):
    """A file that cannot be sought in; it holds what has been written until it is taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # zipfile writes bytes
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
