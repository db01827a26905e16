"""The tool that classifies images."""

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Annotated

from anyio import to_thread
from pydantic import Field

from graft_client.errors import InvalidInput
from graft_client.images import Image
from graft_client.mcp.answers.models import ImageAnswer, PredictionAnswer
from graft_client.mcp.context import ToolContext, reach_of
from graft_client.mcp.folders import AllowedFolders
from graft_client.mcp.tools.kinds import Kind, Specification

_MAX_IMAGES = 16


async def predict(  # noqa: PLR0913 - the options of a prediction
    context: ToolContext,
    *,
    paths: Annotated[
        list[str] | None,
        Field(
            min_length=1,
            max_length=_MAX_IMAGES,
            description="Paths of image files in the folders that the operator allows.",
        ),
    ] = None,
    image_base64: Annotated[
        str | None,
        Field(description="One image file in base64, without `data:`; instead of paths."),
    ] = None,
    model: Annotated[
        str | None,
        Field(
            description="`name:3`, `name@alias`, or `name` for its champion; by default the "
            "serving model."
        ),
    ] = None,
    top_k: Annotated[int, Field(ge=1, le=50, description="Number of classes in the answer.")] = 3,
    coverage: Annotated[
        float | None,
        Field(
            ge=0.5,
            le=0.999,
            description="Also return a set of classes that contains the correct one for this "
            "share of images.",
        ),
    ] = None,
) -> PredictionAnswer:
    """Classify images with a model, by default with the serving model."""
    reach = reach_of(context)
    if (paths is None) == (image_base64 is None):
        raise InvalidInput("Give either `paths` or `image_base64`.")
    if image_base64 is not None:
        names = ["image_base64"]
        images: list[Image] = [_decode(image_base64)]
    else:
        names = paths or []
        images = await to_thread.run_sync(_read, reach.folders, names)
    results = await reach.graft.predict(images, model=model, top_k=top_k, coverage=coverage)
    return PredictionAnswer(
        model=results[0].model.reference,
        results=[ImageAnswer.of(name, one) for name, one in zip(names, results, strict=True)],
    )


def _read(folders: AllowedFolders, names: list[str]) -> list[Image]:
    return [folders.find_image(name).read_bytes() for name in names]


def _decode(text: str) -> bytes:
    if ":" in text:
        raise InvalidInput(
            "`image_base64` is an address; give the file's bytes in base64, or its path in `paths`."
        )
    try:
        return b64decode("".join(text.split()), validate=True)
    except Base64Error as error:
        raise InvalidInput("`image_base64` is not base64.") from error


TOOLS = (Specification(predict, Kind.READS),)
