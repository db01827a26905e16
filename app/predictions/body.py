"""The images of a predict request: parts of a form, or the body itself."""

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.errors import (
    BodyIncomplete,
    BodyTooLarge,
    InputProblem,
    UnsupportedImage,
    ValidationFailed,
)
from app.settings import Settings
from app.web.multipart import read_parts

PART_NAME = "image"

_NO_IMAGE = InputProblem(
    ("body", PART_NAME),
    "body.image: no image was sent; send it as the form's part 'image', or as the body itself",
)


async def read_images(request: Request, settings: Settings) -> list[bytes]:
    """Every image of the request in the order sent, at least one.

    Raises ValidationFailed for no image, too many, or other parts; UnsupportedImage for a body of
    another content type; BodyTooLarge; BodyIncomplete.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "multipart/form-data":
        return await _read_form(request, settings)
    if content_type.startswith("image/") or content_type == "application/octet-stream":
        return [await _read_raw(request, settings.max_image_bytes)]
    raise UnsupportedImage(
        "Send multipart/form-data with the part 'image', or the image itself as image/* or "
        "application/octet-stream."
    )


async def _read_form(request: Request, settings: Settings) -> list[bytes]:
    images: list[bytes] = []
    async for part in read_parts(request, stall_seconds=settings.upload_stall_seconds):
        if part.name != PART_NAME:
            raise ValidationFailed(
                InputProblem(
                    ("body", part.name[:100]),
                    "body: the form has a part that is not expected; 'model' and 'top_k' are "
                    "query parameters",
                    (PART_NAME,),
                )
            )
        if len(images) == settings.predict_queue_size:
            raise ValidationFailed(
                InputProblem(
                    ("body", PART_NAME),
                    f"body.image: more than {settings.predict_queue_size} images in one request",
                )
            )
        images.append(await part.read(max_bytes=settings.max_image_bytes))
    if not images:
        raise ValidationFailed(_NO_IMAGE)
    return images


async def _read_raw(request: Request, max_bytes: int) -> bytes:
    image = bytearray()
    try:
        async for chunk in request.stream():
            image += chunk
            if len(image) > max_bytes:
                raise BodyTooLarge(f"The image is larger than the {max_bytes} bytes allowed.")
    except ClientDisconnect as error:
        raise BodyIncomplete("The connection was closed before the body was complete.") from error
    if not image:
        raise ValidationFailed(_NO_IMAGE)
    return bytes(image)
