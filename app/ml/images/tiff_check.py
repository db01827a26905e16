"""Check the first directory of a TIFF before Pillow reads it.

A directory of a few kilobytes can otherwise cost gigabytes or minutes: tiles far larger than the
image, or tables of millions of offsets. Source: Adobe, TIFF 6.0, section 2.
"""

import struct
from typing import NamedTuple

from app.errors import ImageCorrupt
from app.ml.images.formats import refuse

_MAX_ENTRIES = 4096
_MAX_VALUES = 200_000
_MIN_TILE_PIXELS = 1024 * 1024

_WIDTH, _HEIGHT, _COMPRESSION = 256, 257, 259
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_DNG_VERSION = 50706

_BYTE_TYPES = frozenset({1, 2, 6, 7})
"""Types whose values Pillow keeps as bytes: BYTE, ASCII, SBYTE, UNDEFINED."""

_SHORT = 3
_COMPRESSIONS = {
    1: "none",
    2: "CCITT RLE",
    3: "CCITT G3",
    4: "CCITT G4",
    5: "LZW",
    7: "JPEG",
    8: "Deflate",
    32773: "PackBits",
    32946: "Deflate",
}


class _Entry(NamedTuple):
    tag: int
    kind: int
    num_values: int
    value: int


def check_tiff(content: bytes) -> None:
    """Raise UnsupportedImage or ImageCorrupt for a TIFF whose first directory is not ordinary.

    Other damage is left to the decoder.
    """
    order = "<" if content.startswith(b"II") else ">"
    values: dict[int, int] = {}
    for entry in _read_entries(content, order):
        if entry.num_values > _MAX_VALUES and entry.kind not in _BYTE_TYPES:
            raise ImageCorrupt(
                f"The TIFF's tag {entry.tag} has {entry.num_values} values; at most {_MAX_VALUES} "
                "are allowed. Save or export the image again."
            )
        values.setdefault(entry.tag, entry.value)
    if _DNG_VERSION in values:
        raise refuse("DNG (camera raw)")
    compression = values.get(_COMPRESSION, 1)
    if compression not in _COMPRESSIONS:
        known = ", ".join(dict.fromkeys(_COMPRESSIONS.values()))
        raise refuse(f"TIFF with compression {compression} (compressions read: {known})")
    tile_pixels = values.get(_TILE_WIDTH, 0) * values.get(_TILE_HEIGHT, 0)
    image_pixels = values.get(_WIDTH, 0) * values.get(_HEIGHT, 0)
    if tile_pixels > max(image_pixels, _MIN_TILE_PIXELS):
        raise ImageCorrupt(
            f"The TIFF's tiles have {tile_pixels} pixels each, more than the image. Save or export "
            "the image again."
        )


def _read_entries(content: bytes, order: str) -> list[_Entry]:
    if len(content) < 8:  # noqa: PLR2004 - the header
        return []
    (start,) = struct.unpack_from(f"{order}I", content, 4)
    if start + 2 > len(content):
        return []
    (num_entries,) = struct.unpack_from(f"{order}H", content, start)
    if num_entries > _MAX_ENTRIES:
        raise ImageCorrupt(
            f"The TIFF has {num_entries} tags; at most {_MAX_ENTRIES} are allowed. Save or export "
            "the image again."
        )
    table = content[start + 2 : start + 2 + 12 * num_entries]
    entries = struct.iter_unpack(f"{order}2H2I", table[: len(table) // 12 * 12])
    return [
        # A short stands in the first two of the four bytes, whatever the byte order.
        _Entry(tag, kind, count, value >> 16 if (order, kind) == (">", _SHORT) else value)
        for tag, kind, count, value in entries
    ]
