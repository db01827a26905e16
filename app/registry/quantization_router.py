"""HTTP of versions in int8."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from app import errors
from app.dependencies import SessionDep
from app.inquiries.presentation import PENDING_RESPONSE, answer_pending
from app.inquiries.service import require_answer
from app.problems import problem_responses
from app.registry.paths import NamePath, VersionPath
from app.registry.quantization import request_quantization
from app.registry.quantization_schemas import Quantization, QuantizeRequest

router = APIRouter(tags=["models"])


@router.post(
    "/models/{name}/versions/{version}/quantize",
    response_model=Quantization,
    summary="Make a version in int8",
    responses={
        **PENDING_RESPONSE,
        **problem_responses(
            errors.NotFound,
            errors.Conflict,
            errors.DatasetInvalid,
            errors.TooFewImages,
            errors.ValidationFailed,
            errors.EngineUnavailable,
        ),
    },
)
def quantize_version(
    session: SessionDep, name: NamePath, version: VersionPath, body: QuantizeRequest
) -> Response:
    """Round a version to int8, which answers faster on CPUs, and register it as a new version.

    A worker does it once: until then the answer is 202, and the same request later brings the new
    version with what the rounding changed. It never answers for the model by being the newest:
    `champion` may point to it only through the model's gate.
    """
    inquiry = request_quantization(session, name, version, body)
    result = require_answer(inquiry)
    if result is None:
        return answer_pending(inquiry, location=f"/models/{name}/events")
    return JSONResponse(Quantization.model_validate(result).model_dump(mode="json"))
