"""Pack a folder into a zip while it is sent."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from graft_client.errors import InvalidInput
from graft_client.zip_length import name_in_zip, zip_length

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

    @property
    def length(self) -> int:
        """The number of bytes that `read` yields."""
        if not self.is_folder:
            return self.num_bytes
        sizes = ((name_in_zip(file, self.path), file.stat().st_size) for file in self.files)
        return zip_length(sizes)

    @property
    def fingerprint(self) -> str:
        """A digest of the path, and of the names, sizes and times of change of all files."""
        digest = sha256(str(self.path.resolve()).encode(errors="surrogateescape"))
        for file in self.files:
            status = file.stat()
            facts = f"\0{file}\0{status.st_size}\0{status.st_mtime_ns}"
            digest.update(facts.encode(errors="surrogateescape"))
        return digest.hexdigest()

    def read(self, start: int = 0) -> Iterator[bytes]:
        """Yield the bytes of the file, or of the folder's zip, from a position on.

        They are the same each time. The files of a folder are read from the first one on, because
        the zip ends with their checksums. Raises OSError if a file cannot be read.
        """
        return _skip(self._pack(), start) if self.is_folder else _read(self.path, start)

    def parts(self, start: int, num_bytes: int) -> Iterator[bytes]:
        """Yield the same bytes in parts of equal size; the last one may be smaller."""
        part = bytearray()
        for chunk in self.read(start):
            part += chunk
            while len(part) >= num_bytes:
                yield bytes(part[:num_bytes])
                del part[:num_bytes]
        if part:
            yield bytes(part)

    def _pack(self) -> Iterator[bytes]:
        """The zip does not compress: image files would not become smaller."""
        sink = _Sink()
        with zipfile.ZipFile(sink, "w", strict_timestamps=False) as archive:
            for path in self.files:
                name = name_in_zip(path, self.path)
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


def _read(path: Path, start: int = 0) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _skip(chunks: Iterator[bytes], num_bytes: int) -> Iterator[bytes]:
    for chunk in chunks:
        if rest := chunk[num_bytes:]:
            yield rest
        num_bytes = max(0, num_bytes - len(chunk))


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
