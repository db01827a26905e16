"""Link to thumbnails of a dataset's images."""

_PIXELS = 128


def thumbnail_url(dataset_id: str, image_id: int) -> str:
    """Return the path of the route that returns an image's thumbnail."""
    return f"/datasets/{dataset_id}/images/{image_id}?size={_PIXELS}"
