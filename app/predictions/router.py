"""HTTP route of predictions; the predictor's lanes do the work."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from app.errors import (
    BodyIncomplete,
    BodyTooLarge,
    CheckpointInvalid,
    DeadlineExceeded,
    ImageCorrupt,
    ImageTooLarge,
    InputError,
    ModelNotReady,
    NotCalibrated,
    NotFound,
    Overloaded,
    Unavailable,
    UnsupportedImage,
    ValidationFailed,
)
from app.ml.images.formats import READ
from app.models.schemas import VersionName
from app.predictions.admission import PredictorDep, admit, cancel_on_disconnect
from app.predictions.request_images import PART_NAME, read_images
from app.predictions.results import RequestResult, TimedResult
from app.predictions.schemas import (
    ImageFailure,
    ImagePredictions,
    PredictQuery,
    SeveralPredictions,
    SinglePrediction,
)
from app.predictions.views import view_error, view_result
from app.web.problems import problem_responses

router = APIRouter(tags=["predict"])

_FILE = {"type": "string", "format": "binary"}
_REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "description": "One or several images as parts named `image`, or one image as the body itself.",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": [PART_NAME],
                "properties": {
                    PART_NAME: {
                        "type": "array",
                        "items": _FILE,
                        "minItems": 1,
                        "description": f"Files in these formats: {READ}.",
                    }
                },
                "additionalProperties": False,
            }
        },
        "image/*": {"schema": _FILE},
        "application/octet-stream": {"schema": _FILE},
    },
}


@router.post(
    "/predict",
    summary="Classify images",
    responses=problem_responses(
        ValidationFailed,
        ImageCorrupt,
        BodyIncomplete,
        NotFound,
        ModelNotReady,
        NotCalibrated,
        BodyTooLarge,
        ImageTooLarge,
        UnsupportedImage,
        Overloaded,
        Unavailable,
        CheckpointInvalid,
        DeadlineExceeded,
    ),
    openapi_extra={"requestBody": _REQUEST_BODY},
)
async def predict(
    request: Request, predictor: PredictorDep, query: Annotated[PredictQuery, Query()]
) -> SinglePrediction | SeveralPredictions:
    """Classify one image or several.

    If a single image cannot be read, the request fails. If one of several cannot be read, it has an
    error in `results`. Images are decoded and preprocessed by the same code as in validation.
    """
    async with admit(request, predictor):
        images = await read_images(request, predictor.settings)
        result = await cancel_on_disconnect(
            request,
            predictor.predict(
                images,
                reference=query.model,
                options=query,
                explain=query.explain,
            ),
        )
    return _view_one(result) if len(images) == 1 else _view_several(result)


def _view_one(result: RequestResult) -> SinglePrediction:
    (image,) = result.images
    if isinstance(image, InputError):
        raise image
    return SinglePrediction(
        model=VersionName(name=result.name, version=result.version),
        inference_ms=image.inference_ms,
        **dict(view_result(image.result)),
    )


def _view_several(result: RequestResult) -> SeveralPredictions:
    return SeveralPredictions(
        model=VersionName(name=result.name, version=result.version),
        results=[_view_image(image) for image in result.images],
        inference_ms=sum(
            image.inference_ms for image in result.images if isinstance(image, TimedResult)
        ),
    )


def _view_image(image: TimedResult | InputError) -> ImagePredictions | ImageFailure:
    if isinstance(image, InputError):
        return ImageFailure(error=view_error(image))
    return view_result(image.result)
