"""Choose how images get to the service: directly, or as a batch for a worker."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from graft_client.console.reporting import refuse

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp", ".ppm", ".pgm"}
)
"""The files of a folder that are images for the service."""

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst")

MAX_FOLDER_IMAGES = 64
"""A folder with more images is a batch."""

_MAX_REQUEST_IMAGES = 16
_MAX_REQUEST_BYTES = 64 * 1024 * 1024


def is_for_a_batch(source: Path) -> bool:
    """Return whether a worker should classify this; raises FileNotFoundError."""
    if not source.exists():
        raise FileNotFoundError(2, "No such file or directory", str(source))
    if source.is_dir():
        return len(list_images(source)) > MAX_FOLDER_IMAGES
    return source.name.lower().endswith(ARCHIVE_SUFFIXES)


def collect_images(source: Path) -> list[Path]:
    """Return the file, or the images of the folder; a folder without any ends the command."""
    if not source.is_dir():
        return [source]
    found = list_images(source)
    if not found:
        refuse(
            f"The folder '{source}' has no images; they end in {', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    return found


def list_images(folder: Path) -> list[Path]:
    """Return the images below a folder in the order of their paths."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and path.name[0] != "."
    )


def split_into_requests(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """Yield the files in groups that fit into a request; none has one file alone if it can help."""
    group: list[Path] = []
    num_bytes = 0
    for index, file in enumerate(files):
        size = file.stat().st_size
        leaves_one = len(group) == _MAX_REQUEST_IMAGES - 1 and index == len(files) - 2
        if group and (
            len(group) == _MAX_REQUEST_IMAGES or num_bytes + size > _MAX_REQUEST_BYTES or leaves_one
        ):
            yield group
            group, num_bytes = [], 0
        group.append(file)
        num_bytes += size
    if group:
        yield group
