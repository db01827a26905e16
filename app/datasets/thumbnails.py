"""Make thumbnails of images once, and store them beside the images."""

import io
import logging
from pathlib import Path

from PIL import Image

from app.datasets.thumbnail_names import thumbnail_key
from app.errors import StorageFull
from app.ml.images.pil_decoding import decode_image, read_header
from app.ml.images.pixel_budget import PIXELS_IN_FLIGHT
from app.storage import Storage

log = logging.getLogger(__name__)


def find_thumbnail(storage: Storage, image_key: str, size: int) -> bytes | None:
    """Return a stored thumbnail as JPEG, None where it has not been made."""
    try:
        return storage.path(thumbnail_key(image_key, size)).read_bytes()
    except FileNotFoundError:
        return None


def create_thumbnail(storage: Storage, image_key: str, size: int) -> bytes:
    """Make and store a thumbnail, unless it has been made meanwhile; return it as JPEG.

    If the storage is full, the thumbnail is returned without being stored, and the log says so.
    """
    stored = find_thumbnail(storage, image_key, size)
    if stored is not None:
        return stored
    path = storage.path(image_key)
    with PIXELS_IN_FLIGHT.reserve(read_header(path).num_pixels):
        stored = find_thumbnail(storage, image_key, size)  # made while this thread waited
        if stored is not None:
            return stored
        content = encode_jpeg(_decode_small(path, size))
    try:
        with storage.new_file(thumbnail_key(image_key, size)) as file:
            file.write(content)
    except StorageFull:
        log.warning("the storage is full, so a thumbnail was not stored")
    return content


def make_thumbnail(path: Path, *, size: int) -> Image.Image:
    """Decode an image, and scale it so that no side exceeds `size` pixels.

    A JPEG is decoded at a fraction of its size where that is large enough, which is faster. The
    process's budget of pixels limits how many are decoded at a time.
    """
    with PIXELS_IN_FLIGHT.reserve(read_header(path).num_pixels):
        return _decode_small(path, size)


def _decode_small(path: Path, size: int) -> Image.Image:
    image = decode_image(path, min_pixels=2 * size)
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    return image


def encode_jpeg(image: Image.Image) -> bytes:
    """Return the image as JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
