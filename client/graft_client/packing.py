"""Pack a folder of images into one file for an upload."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def packed(source: Path) -> Iterator[Path]:
    """Yield the archive to upload: the source itself, or a temporary zip of a folder.

    The zip does not compress: image files would not become smaller. Raises FileNotFoundError.
    """
    if source.is_file():
        yield source
        return
    if not source.is_dir():
        raise FileNotFoundError(source)
    with tempfile.TemporaryDirectory(prefix="graft-upload-") as folder:
        archive_path = Path(folder) / f"{source.resolve().name}.zip"
        with zipfile.ZipFile(archive_path, "w", strict_timestamps=False) as archive:
            for path in sorted(source.rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(source))
        yield archive_path
