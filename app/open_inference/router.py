"""HTTP routes of the Open Inference Protocol, for its existing clients."""

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
from app.models.path_parameters import NamePath, VersionPath
from app.open_inference.input_tensors import Limits, read_images, read_request
from app.open_inference.output_tensors import build_response
from app.open_inference.schemas import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
)
from app.open_inference.service import describe_model, make_reference, require_model
from app.predictions.admission import PredictorDep, admit, cancel_on_disconnect
from app.predictions.schemas import PredictOptions
from app.web.dependencies import ReadSessionDep, ServicesDep, StorageDep
from app.web.health import get_readiness
from app.web.problems import problem_responses

if TYPE_CHECKING:
    from app.predictions.predictor import Predictor

router = APIRouter(prefix="/v2", tags=["open inference protocol"])

JSON_LENGTH = "Inference-Header-Content-Length"

_ALL_CLASSES = 2**31
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
            "description": "JSON, optionally followed by tensors as binary data; then "
            f"`{JSON_LENGTH}` is the length of the JSON.",
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


@router.get("", summary="Get server metadata")
def get_server() -> ServerMetadata:
    """Return name, version and extensions of the server."""
    return ServerMetadata(version=version_of("graft-server"), extensions=["binary_tensor_data"])


@router.get("/health/live", summary="Check that the server is live")
def get_live() -> ServerLive:
    """Return `live`, without a check of the database or the broker."""
    return ServerLive()


@router.get(
    "/health/ready",
    summary="Check that the server is ready",
    responses=problem_responses(Unavailable),
)
def get_ready(services: ServicesDep) -> ServerReady:
    """Return `ready`, or an error, by the same checks as /readyz."""
    get_readiness(services)
    return ServerReady()


@router.get("/models/{name}", summary="Get a model's metadata", responses=_MODEL_ERRORS)
def get_model(name: NamePath, session: ReadSessionDep) -> ModelMetadata:
    """Return inputs and outputs of the model's `champion`, else of its newest version."""
    return describe_model(session, name, None)


@router.get(
    "/models/{name}/versions/{version}",
    summary="Get a version's metadata",
    responses=_MODEL_ERRORS,
)
def get_model_version(
    name: NamePath, version: VersionPath, session: ReadSessionDep
) -> ModelMetadata:
    """Return inputs and outputs of this version."""
    return describe_model(session, name, version)


@router.get("/models/{name}/ready", summary="Check that a model is ready", responses=_READY_ERRORS)
def get_model_ready(name: NamePath, session: ReadSessionDep, storage: StorageDep) -> ModelReady:
    """Return `ready` if the model's file exists. The first request loads the model."""
    require_model(session, storage, name, None)
    return ModelReady(name=name)


@router.get(
    "/models/{name}/versions/{version}/ready",
    summary="Check that a version is ready",
    responses=_READY_ERRORS,
)
def get_version_ready(
    name: NamePath, version: VersionPath, session: ReadSessionDep, storage: StorageDep
) -> ModelReady:
    """Return `ready` if the model's file exists. The first request loads the model."""
    require_model(session, storage, name, version)
    return ModelReady(name=name)


@router.post("/models/{name}/infer", summary="Classify images with a model", **_INFER)
async def infer(request: Request, predictor: PredictorDep, name: NamePath) -> Response:
    """Return the results of POST /predict as tensors. One invalid image fails the request."""
    return await _infer(request, predictor, make_reference(name, None))


@router.post(
    "/models/{name}/versions/{version}/infer", summary="Classify images with a version", **_INFER
)
async def infer_version(
    request: Request, predictor: PredictorDep, name: NamePath, version: VersionPath
) -> Response:
    """Return the results of POST /predict as tensors. One invalid image fails the request."""
    return await _infer(request, predictor, make_reference(name, version))


async def _infer(request: Request, predictor: "Predictor", reference: str) -> Response:
    settings = predictor.settings
    limits = Limits(
        max_images=settings.predict_queue_size,
        max_bytes=settings.max_image_bytes,
        max_pixels=settings.max_image_pixels,
    )
    async with admit(request, predictor):
        body = await _read(request)
        json_length = _find_json_length(request)
        if (len(body) if json_length is None else json_length) > settings.max_json_bytes:
            raise BodyTooLarge(
                f"The JSON is larger than the {settings.max_json_bytes} bytes allowed; send the "
                f"tensors after it as binary data ({JSON_LENGTH})."
            )
        infer_request, binary_data = read_request(body, json_length)
        # Without validation: over HTTP, top_k has a limit.
        options = PredictOptions.model_construct(
            top_k=_ALL_CLASSES,
            logits=any(output.name == "logits" for output in infer_request.outputs),
        )
        images = read_images(infer_request.inputs[0], binary_data, limits)
        result = await cancel_on_disconnect(
            request, predictor.predict(images, reference=reference, options=options)
        )
    response, output_data = build_response(infer_request, result, result.class_names)
    content = response.model_dump_json(exclude_none=True).encode()
    if not output_data:
        return Response(content, media_type="application/json")
    return Response(
        content + output_data,
        media_type="application/octet-stream",
        headers={JSON_LENGTH: str(len(content))},
    )


async def _read(request: Request) -> bytes:
    if request.headers.get("content-encoding", "identity") != "identity":
        problem = InputProblem(
            ("header", "content-encoding"), "Compressed bodies are not supported.", ("identity",)
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
        problem = f"{JSON_LENGTH} is {text[:40]!r}; it must be the length of the JSON in bytes."
        raise ValidationFailed(InputProblem(("header", JSON_LENGTH.lower()), problem))
    return int(text)
