"""HTTP of predictions: this route only moves bytes, the lanes do the work."""

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
from app.models.schemas import VersionName
from app.predictions.body import PART_NAME, read_images
from app.predictions.caller import PredictorDep, admitted, unless_gone
from app.predictions.results import Classified, Outcome, Wish
from app.predictions.schemas import (
    ImageFailure,
    ImagePredictions,
    PredictQuery,
    SeveralPredictions,
    SinglePrediction,
)
from app.predictions.views import view_error, view_verdict
from app.web.problems import problem_responses

router = APIRouter(tags=["predictions"])

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
                        "description": "JPEG, PNG, WebP, BMP, PPM, TIFF or GIF.",
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
    """Say what is on one image or on several.

    One image that cannot be read is this request's error; among several it is told in its place.
    Images are decoded and prepared by the code that validation used in training.
    """
    async with admitted(request, predictor):
        images = await read_images(request, predictor.settings)
        outcome = await unless_gone(
            request,
            predictor.predict(
                images,
                reference=query.model,
                wish=Wish(query.top_k, query.logits, query.coverage, query.explain),
            ),
        )
    return _answer_one(outcome) if len(images) == 1 else _answer_several(outcome)


def _answer_one(outcome: Outcome) -> SinglePrediction:
    (image,) = outcome.images
    if isinstance(image, InputError):
        raise image
    return SinglePrediction(
        model=VersionName(name=outcome.name, version=outcome.version),
        inference_ms=image.inference_ms,
        **dict(view_verdict(image.verdict)),
    )


def _answer_several(outcome: Outcome) -> SeveralPredictions:
    return SeveralPredictions(
        model=VersionName(name=outcome.name, version=outcome.version),
        results=[_answer_among_others(image) for image in outcome.images],
        inference_ms=sum(
            image.inference_ms for image in outcome.images if isinstance(image, Classified)
        ),
    )


def _answer_among_others(image: Classified | InputError) -> ImagePredictions | ImageFailure:
    if isinstance(image, InputError):
        return ImageFailure(error=view_error(image))
    return view_verdict(image.verdict)
