# Written by graft_client.sync_generator from asynchronous/predicting.py: change that file.
"""Classify images with a model."""

from typing import Any

from graft_client.answers import validated
from graft_client.images import encode_image, encode_images, is_list
from graft_client.schemas.predictions import FailedPrediction, ImagePredictions
from graft_client.synchronous.connection import Connection

IMAGES_PER_REQUEST = 16
"""A list of images is sent in requests of this size, one after the other."""


def predict(connection: Connection, images: Any, *, model: str | None, **options: Any) -> Any:
    """Return the predictions of an image, or a list of them for a list of images.

    Options are those of `POST /predict`; those that are None or False are left out.
    """
    given = {"model": model} | options
    params = {name: one for name, one in given.items() if one is not None and one is not False}
    if not is_list(images):
        (one,) = _request(connection, [encode_image(images)], params)
        return one
    parts = encode_images(images)
    results: list[ImagePredictions | FailedPrediction] = []
    for start in range(0, len(parts), IMAGES_PER_REQUEST):
        results += _request(connection, parts[start : start + IMAGES_PER_REQUEST], params)
    return results


def _request(
    connection: Connection, parts: list[tuple[str, bytes]], params: dict[str, Any]
) -> list[ImagePredictions | FailedPrediction]:
    files = [("image", part) for part in parts]
    answer = connection.send("POST", "/predict", params=params, files=files, may_repeat=True)
    shared = {"model": answer.get("model"), "inference_ms": answer.get("inference_ms")}
    results = answer["results"] if len(parts) > 1 else [answer]
    return [
        _read(connection, result | shared | {"image": data})
        for result, (_, data) in zip(results, parts, strict=True)
    ]


def _read(connection: Connection, result: dict[str, Any]) -> ImagePredictions | FailedPrediction:
    if "error" in result:
        return validated(FailedPrediction, result, connection.url)
    return validated(ImagePredictions, result, connection.url)
