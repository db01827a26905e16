"""HTTP of the Open Inference Protocol: the same models through the door that its clients know."""

from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from app.errors import (
    BadJson,
    BodyIncomplete,
    BodyTooLarge,
    CheckpointInvalid,
    DeadlineExceeded,
    ImageCorrupt,
    ImageTooLarge,
    InputProblem,
    ModelNotReady,
    NotFound,
    Overloaded,
    Unavailable,
    UnsupportedImage,
    ValidationFailed,
)
from app.models.paths import NamePath, VersionPath
from app.open_inference.answer import answer
from app.open_inference.schemas import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
)
from app.open_inference.service import describe_model, refer, require_model
from app.open_inference.tensors import Limits, read_images, read_request
from app.predictions.caller import PredictorDep, admitted, unless_gone
from app.predictions.results import Wish
from app.web.dependencies import ReadSessionDep, ServicesDep, StorageDep
from app.web.health import get_readiness
from app.web.problems import problem_responses

if TYPE_CHECKING:
    from app.predictions.predictor import Predictor

router = APIRouter(prefix="/v2", tags=["open inference protocol"])

JSON_LENGTH = "Inference-Header-Content-Length"

_EVERY_CLASS = 2**31
_MODEL_ERRORS = problem_responses(NotFound, ModelNotReady)
_READY_ERRORS = problem_responses(NotFound, ModelNotReady, Unavailable)
_INFER: dict[str, Any] = {
    "response_model": InferResponse,
    "responses": problem_responses(
        ValidationFailed,
        ImageCorrupt,
        BadJson,
        BodyIncomplete,
        NotFound,
        ModelNotReady,
        BodyTooLarge,
        ImageTooLarge,
        UnsupportedImage,
        Overloaded,
        Unavailable,
        CheckpointInvalid,
        DeadlineExceeded,
    ),
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "description": "JSON alone, or JSON with tensors behind it, as binary: then "
            f"`{JSON_LENGTH}` tells where the JSON ends.",
            "content": {
                "application/json": {
                    "schema": InferRequest.model_json_schema(
                        ref_template="#/components/schemas/{model}"
                    )
                },
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
}


@router.get("", summary="What answers here")
def get_server() -> ServerMetadata:
    """The service, in the protocol's words."""
    return ServerMetadata(version=version_of("graft-server"), extensions=["binary_tensor_data"])


@router.get("/health/live", summary="The process answers, in the protocol's words")
def get_live() -> ServerLive:
    """Asks nothing of the database or the broker."""
    return ServerLive()


@router.get(
    "/health/ready",
    summary="The service can do its work, in the protocol's words",
    responses=problem_responses(Unavailable),
)
def get_ready(services: ServicesDep) -> ServerReady:
    """What /readyz says."""
    get_readiness(services)
    return ServerReady()


@router.get("/models/{name}", summary="A model's inputs and outputs", responses=_MODEL_ERRORS)
def get_model(name: NamePath, session: ReadSessionDep) -> ModelMetadata:
    """Of the version that the name means: its `champion`, else its newest."""
    return describe_model(session, name, None)


@router.get(
    "/models/{name}/versions/{version}",
    summary="A version's inputs and outputs",
    responses=_MODEL_ERRORS,
)
def get_model_version(
    name: NamePath, version: VersionPath, session: ReadSessionDep
) -> ModelMetadata:
    """Of this very version."""
    return describe_model(session, name, version)


@router.get("/models/{name}/ready", summary="Whether a model can answer", responses=_READY_ERRORS)
def get_model_ready(name: NamePath, session: ReadSessionDep, storage: StorageDep) -> ModelReady:
    """A model is loaded when it is first asked."""
    require_model(session, storage, name, None)
    return ModelReady(name=name)


@router.get(
    "/models/{name}/versions/{version}/ready",
    summary="Whether a version can answer",
    responses=_READY_ERRORS,
)
def get_version_ready(
    name: NamePath, version: VersionPath, session: ReadSessionDep, storage: StorageDep
) -> ModelReady:
    """A model is loaded when it is first asked."""
    require_model(session, storage, name, version)
    return ModelReady(name=name)


@router.post("/models/{name}/infer", summary="Classify images by a model", **_INFER)
async def infer(request: Request, predictor: PredictorDep, name: NamePath) -> Response:
    """What POST /predict says of the images, as tensors; one bad image fails the request."""
    return await _infer(request, predictor, refer(name, None))


@router.post(
    "/models/{name}/versions/{version}/infer", summary="Classify images by a version", **_INFER
)
async def infer_version(
    request: Request, predictor: PredictorDep, name: NamePath, version: VersionPath
) -> Response:
    """What POST /predict says of the images, as tensors; one bad image fails the request."""
    return await _infer(request, predictor, refer(name, version))


async def _infer(request: Request, predictor: "Predictor", reference: str) -> Response:
    settings = predictor.settings
    limits = Limits(
        max_images=settings.predict_queue_size,
        max_bytes=settings.max_image_bytes,
        max_pixels=settings.max_image_pixels,
    )
    async with admitted(request, predictor):
        body = await _read(request)
        json_length = _find_json_length(request)
        if (len(body) if json_length is None else json_length) > settings.max_json_bytes:
            raise BodyTooLarge(
                f"The JSON is larger than the {settings.max_json_bytes} bytes allowed; send the "
                f"tensors behind it, as binary ({JSON_LENGTH})."
            )
        asked, behind = read_request(body, json_length)
        with_logits = any(output.name == "logits" for output in asked.outputs)
        wish = Wish(_EVERY_CLASS, logits=with_logits)
        images = read_images(asked.inputs[0], behind, limits)
        outcome = await unless_gone(
            request, predictor.predict(images, reference=reference, wish=wish)
        )
    response, behind_it = answer(asked, outcome, outcome.class_names)
    told = response.model_dump_json(exclude_none=True).encode()
    if not behind_it:
        return Response(told, media_type="application/json")
    return Response(
        told + behind_it,
        media_type="application/octet-stream",
        headers={JSON_LENGTH: str(len(told))},
    )


async def _read(request: Request) -> bytes:
    if request.headers.get("content-encoding", "identity") != "identity":
        problem = InputProblem(
            ("header", "content-encoding"), "Compressed bodies are not read.", ("identity",)
        )
        raise ValidationFailed(problem)
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise BodyIncomplete("The connection was closed before the body ended.") from error


def _find_json_length(request: Request) -> int | None:
    text = request.headers.get(JSON_LENGTH)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 12):  # noqa: PLR2004 - any real length
        problem = f"{JSON_LENGTH} is not a number of bytes."
        raise ValidationFailed(InputProblem(("header", JSON_LENGTH.lower()), problem))
    return int(text)
