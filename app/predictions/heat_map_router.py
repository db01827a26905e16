"""HTTP route of heat maps of a dataset's images; the predictor's lanes do the work."""

from functools import partial
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response

from app import errors
from app.datasets.router import DatasetId, ImageId
from app.datasets.service import get_image
from app.db.session import Database
from app.db.tables import DatasetImage
from app.errors import InputError
from app.models.references import ReferenceText, parse_reference
from app.predictions.admission import PredictorDep, admit, cancel_on_disconnect
from app.predictions.schemas import PredictOptions
from app.storage import Storage
from app.web.dependencies import DatabaseDep, StorageDep
from app.web.problems import problem_responses

router = APIRouter(tags=["datasets"])

CROP_HEADER = "X-Heat-Map-Crop"

_IMMUTABLE = "private, max-age=31536000, immutable"


@router.get(
    "/datasets/{dataset_id}/images/{image_id}/heatmap.png",
    response_class=Response,
    summary="Get a heat map of an image",
    responses={
        200: {
            "description": "The heat map over the image.",
            "content": {"image/png": {}},
            "headers": {
                CROP_HEADER: {
                    "description": "The side of the square in the middle of the image that the "
                    "heat map covers, as a share of the image's shorter side.",
                    "schema": {"type": "number", "examples": [0.875]},
                }
            },
        },
        **problem_responses(
            errors.ValidationFailed,
            errors.NotFound,
            errors.ModelNotReady,
            errors.ImageTooLarge,
            errors.Overloaded,
            errors.Unavailable,
            errors.CheckpointInvalid,
            errors.DeadlineExceeded,
        ),
    },
)
async def get_heat_map(  # noqa: PLR0913, PLR0917 - one for each parameter of the request
    request: Request,
    predictor: PredictorDep,
    database: DatabaseDep,
    storage: StorageDep,
    dataset_id: DatasetId,
    image_id: ImageId,
    model: Annotated[ReferenceText, Query()],
    label: Annotated[
        str | None,
        Query(
            max_length=255,
            description="The class to explain. Default: the most probable one.",
            examples=["ants"],
        ),
    ] = None,
) -> Response:
    """Draw which parts of an image support a class, as `POST /predict?explain=true` does.

    The image is as the network sees it, cropped and resized, in grey; red to yellow marks the parts
    that support the class. The heat map of a reference with a version, such as `name:3`, never
    changes and may be cached.
    """
    image = await run_sync(_find_image, database, dataset_id, image_id)
    is_pinned = parse_reference(model, loc=("query", "model")).version is not None
    async with admit(request, predictor, num_bytes=image.num_bytes):
        content = await run_sync(partial(_read, storage, image.storage_key))
        await request.body()  # what comes after it is the end of the connection
        result = await cancel_on_disconnect(
            request,
            predictor.predict(
                [content],
                reference=model,
                options=PredictOptions(top_k=1),
                explain=True,
                label=label,
            ),
        )
    (explained,) = result.images
    if isinstance(explained, InputError):
        raise explained
    explanation = explained.result.explanation
    assert explanation is not None  # noqa: S101 - it was requested
    headers = {
        "Cache-Control": _IMMUTABLE if is_pinned else "private, no-cache",
        CROP_HEADER: f"{explanation.crop:.6g}",
    }
    return Response(explanation.heatmap, media_type="image/png", headers=headers)


def _find_image(database: Database, dataset_id: str, image_id: int) -> DatasetImage:
    with database.reading() as session:
        return get_image(session, dataset_id, image_id)


def _read(storage: Storage, key: str) -> bytes:
    return storage.path(key).read_bytes()
