"""Encode images for a request."""

import io
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from graft_client.errors import InvalidInput
from graft_client.optional import require
from graft_client.pictures import Picture


class PilImage(Protocol):
    """An image of Pillow."""

    @property
    def mode(self) -> str: ...
    def getexif(self) -> Any: ...


class Array(Protocol):
    """An array of NumPy: uint8, [height, width] (grey) or [height, width, 3 or 4] (RGB, RGBA)."""

    @property
    def dtype(self) -> Any: ...
    @property
    def shape(self) -> Any: ...


Image: TypeAlias = str | PathLike[str] | bytes | bytearray | memoryview | Picture | PilImage | Array
"""A path, the bytes of an image file, a picture from the service, a PIL image or a NumPy array."""

_ALLOWED = (
    "allowed are a path, the bytes of an image file, a `Picture`, a PIL image, a NumPy array "
    "(uint8, of shape [height, width] or [height, width, 3 or 4]), or a list of these"
)
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})
_GREY_DIMENSIONS, _COLOR_DIMENSIONS = 2, 3

ImagePart = tuple[str, bytes]
"""A file name and the bytes of an image file."""


def is_list(images: object) -> bool:
    """Return whether these are several images."""
    return isinstance(images, list | tuple)


def encode_image(image: Image) -> ImagePart:
    """Return an image as a file; raises InvalidInput, OSError or MissingDependency."""
    if isinstance(image, str | PathLike):
        path = Path(image)
        return path.name, path.read_bytes()
    if isinstance(image, bytes | bytearray | memoryview):
        return "image", bytes(image)
    if isinstance(image, Picture):
        return "image", image.data
    if _is_from(image, "PIL"):
        return "image.png", _encode_pil(image)
    if _is_from(image, "numpy"):
        return "image.png", _encode_array(image)
    raise InvalidInput(f"An image is of type {type(image).__name__}; {_ALLOWED}.")


def encode_images(images: Sequence[Image]) -> list[ImagePart]:
    """Return several images as files; raises as `encode_image`."""
    if not images:
        raise InvalidInput("The list has no images; give at least one.")
    return [encode_image(image) for image in images]


def _is_from(image: object, package: str) -> bool:
    """Return whether a class comes from a package, which need not be installed."""
    return any(base.__module__.partition(".")[0] == package for base in type(image).__mro__)


def _encode_pil(image: Any) -> bytes:
    """Encode without loss, and keep the orientation that a camera has stored."""
    exif = image.getexif()
    if image.mode not in _PNG_MODES:
        image = image.convert("RGB")
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif, compress_level=1)
    return file.getvalue()


def _encode_array(array: Any) -> bytes:
    shape = tuple(array.shape)
    is_color = len(shape) == _COLOR_DIMENSIONS and shape[2] in {3, 4}
    if str(array.dtype) != "uint8" or not (len(shape) == _GREY_DIMENSIONS or is_color):
        raise InvalidInput(f"An array is {array.dtype} of shape {list(shape)}; {_ALLOWED}.")
    return _encode_pil(require("PIL.Image", "Sending an array").fromarray(array))
