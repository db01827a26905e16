"""Read the images of a predict request: the parts of a form, or the body itself."""

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
from app.web.content_types import FORM, explain_content_type, media_type_of
from app.web.multipart import read_parts

PART_NAME = "image"

_EXAMPLE = f"{PART_NAME}=@picture.jpg"
_EXPECTED = (FORM, "image/*", "application/octet-stream")

_NO_IMAGE = InputProblem(
    ("body", PART_NAME),
    "The request has no image. Send it as the form's part `image`, or as the body itself.",
)


async def read_images(request: Request, settings: Settings) -> list[bytes]:
    """Return the images of the request in the order sent, at least one.

    Raises ValidationFailed for no image, too many images or unknown parts, UnsupportedImage for a
    body of another content type, BodyTooLarge, BodyIncomplete.
    """
    content_type = media_type_of(request.headers.get("content-type", ""))
    if content_type == FORM:
        return await _read_form(request, settings)
    if content_type.startswith("image/") or content_type == "application/octet-stream":
        return [await _read_raw(request, settings.max_image_bytes)]
    problem = explain_content_type(request, _EXPECTED, ["-F", _EXAMPLE])
    raise UnsupportedImage(problem.message)


async def _read_form(request: Request, settings: Settings) -> list[bytes]:
    images: list[bytes] = []
    parts = read_parts(request, example=_EXAMPLE)
    async for part in parts:
        if part.name != PART_NAME:
            raise ValidationFailed(
                InputProblem(
                    ("body", part.name[:100]),
                    f"The form has a part `{part.name[:100]}`; only `{PART_NAME}` is allowed. Send "
                    "`model`, `top_k` and other options as query parameters.",
                    (PART_NAME,),
                )
            )
        if len(images) == settings.predict_queue_size:
            raise ValidationFailed(
                InputProblem(
                    ("body", PART_NAME),
                    f"The request has more than the {settings.predict_queue_size} images allowed; "
                    "send several requests, or POST /predictions.",
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
        raise BodyIncomplete("The connection was closed before the body ended.") from error
    if not image:
        raise ValidationFailed(_NO_IMAGE)
    return bytes(image)
