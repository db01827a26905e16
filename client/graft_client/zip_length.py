"""Calculate the length of the zip that `zipfile` writes without compression to a stream."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

_LOCAL_HEADER, _LOCAL_ZIP64 = 30, 20
_DESCRIPTOR, _DESCRIPTOR_ZIP64 = 16, 24
_CENTRAL_HEADER, _EXTRA_HEADER, _EXTRA_VALUE = 46, 4, 8
_END, _END_ZIP64 = 22, 56 + 20


def zip_length(files: Iterable[tuple[str, int]]) -> int:
    """Return the number of bytes of the zip of these names and sizes, in this order.

    Source: APPNOTE.TXT 6.3, and the conditions in which `zipfile` uses zip64.
    """
    limit = zipfile.ZIP64_LIMIT
    offset = central = count = 0
    for name, size in files:
        num_name_bytes = len(name.encode())
        values = 2 * (size > limit) + (offset > limit)
        central += _CENTRAL_HEADER + num_name_bytes
        central += _EXTRA_HEADER + _EXTRA_VALUE * values if values else 0
        offset += _LOCAL_HEADER + num_name_bytes + size
        if size * 1.05 > limit:
            offset += _LOCAL_ZIP64 + _DESCRIPTOR_ZIP64
        else:
            offset += _DESCRIPTOR
        count += 1
    needs_zip64 = count > zipfile.ZIP_FILECOUNT_LIMIT or max(offset, central) > limit
    return offset + central + _END + (_END_ZIP64 if needs_zip64 else 0)


def name_in_zip(path: Path, folder: Path) -> str:
    """Return the name that a file of a folder has in the folder's zip."""
    return path.relative_to(folder).as_posix()
