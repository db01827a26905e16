"""List the image formats that the service reads, and name the others that it refuses.

Predictions, datasets, batches and thumbnails all follow this list. The first bytes of a file decide
its format; a dataset's archive also needs one of the suffixes.
"""

from typing import NamedTuple

from app.errors import UnsupportedImage

SNIFF_BYTES = 64
"""Number of first bytes that `identify` needs; a shorter file is passed whole."""


class ImageFormat(NamedTuple):
    """A format that is read: its name in Pillow, media type and suffixes in archives."""

    name: str
    media_type: str
    suffixes: tuple[str, ...]


FORMATS = (
    ImageFormat("JPEG", "image/jpeg", (".jpg", ".jpeg")),
    ImageFormat("PNG", "image/png", (".png",)),
    ImageFormat("WEBP", "image/webp", (".webp",)),
    ImageFormat("AVIF", "image/avif", (".avif",)),
    ImageFormat("TIFF", "image/tiff", (".tif", ".tiff")),
    ImageFormat("BMP", "image/bmp", (".bmp",)),
    ImageFormat("PPM", "image/x-portable-anymap", (".ppm", ".pgm")),
    # Without a suffix: torchvision's ImageFolder ignores GIFs, which are mostly placeholders.
    ImageFormat("GIF", "image/gif", ()),
)

READ = "JPEG, PNG, WebP, AVIF, TIFF, BMP, GIF and binary PGM and PPM"
"""The formats in words, for messages and documents."""

MEDIA_TYPES = {one.name: one.media_type for one in FORMATS}
IMAGE_SUFFIXES = frozenset(suffix for one in FORMATS for suffix in one.suffixes)
"""The suffixes of images in archives, in lower case."""

REFUSED_SUFFIXES = {
    ".heic": "HEIC",
    ".heif": "HEIF",
    ".jxl": "JPEG XL",
    ".jp2": "JPEG 2000",
    ".j2k": "JPEG 2000",
    ".gif": "GIF",
    ".svg": "SVG",
    ".pdf": "PDF",
    ".ico": "ICO",
    ".psd": "Photoshop",
    ".pbm": "PBM",
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"), "camera raw"),
}
"""Suffixes of images that archives may contain and that are left out."""

_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"P4": "PPM",
    b"P5": "PPM",
    b"P6": "PPM",
}
_REFUSED_STARTS = {
    b"P1": "PBM as text (P1)",
    b"P2": "PGM as text (P2)",
    b"P3": "PPM as text (P3)",
    b"P7": "PAM",
    b"PF": "PFM",
    b"Pf": "PFM",
    b"II+\0": "BigTIFF",
    b"MM\0+": "BigTIFF",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\1\0": "ICO",
    b"8BPS": "Photoshop",
    b"%PDF": "PDF",
    b"<svg": "SVG",
    b"<?xml": "XML or SVG",
    b"RIFF": "RIFF without WebP",
}
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"}
)


def identify(start: bytes) -> str:
    """Return the name in FORMATS of the image that begins with these bytes (see SNIFF_BYTES).

    Raises UnsupportedImage, which names the format where it is a known one.
    """
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "WEBP"
    if start[4:8] == b"ftyp":
        return _identify_by_brands(start)
    found = next((name for magic, name in _STARTS.items() if start.startswith(magic)), None)
    if found is not None:
        return found
    raise refuse(
        next((name for magic, name in _REFUSED_STARTS.items() if start.startswith(magic)), None)
    )


def refuse(name: str | None) -> UnsupportedImage:
    """Return the error for a file of this format, or of an unknown one for None."""
    if name is None:
        return UnsupportedImage(f"The file is not an image in a supported format: {READ}.")
    return UnsupportedImage(
        f"The image's format is {name}, which is not supported. Save it as JPEG or PNG; "
        f"supported formats are {READ}."
    )


def _identify_by_brands(start: bytes) -> str:
    """Tell AVIF from HEIF by the brands of the first box (ISO/IEC 14496-12, section 4.3)."""
    size = min(int.from_bytes(start[:4], "big"), len(start))
    brands = {start[8:12], *(start[at : at + 4] for at in range(16, size, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    raise refuse("HEIC or HEIF" if brands & _HEIF_BRANDS else None)
