"""Name thumbnails: their sizes, storage keys and URLs."""

SIZES = (64, 128, 256, 512, 1024)
"""Longest sides in pixels that thumbnails are stored in."""

_FOLDER = "thumbnails/"
_LISTED = 128


def round_up(size: int) -> int:
    """Return the smallest of SIZES that is at least `size`, which is at most the largest."""
    return next(one for one in SIZES if one >= size)


def thumbnail_key(image_key: str, size: int) -> str:
    """Return the storage key of an image's thumbnail in one of SIZES."""
    return f"{_FOLDER}{image_key}-{size}.jpg"


def find_image_key(key: str) -> str | None:
    """Return the image's storage key for a thumbnail's, None for any other key."""
    return key.removeprefix(_FOLDER).rpartition("-")[0] if key.startswith(_FOLDER) else None


def thumbnail_url(dataset_id: str, image_id: int) -> str:
    """Return the path of the route that returns an image's thumbnail for lists."""
    return f"/datasets/{dataset_id}/images/{image_id}?size={_LISTED}"
