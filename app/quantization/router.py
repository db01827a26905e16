"""HTTP of versions in int8."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse

from app import errors
from app.analyses.service import require_result
from app.analyses.views import PENDING_RESPONSE, pending_response
from app.db.tables import AnalysisRequest
from app.models.paths import NamePath, VersionPath
from app.quantization.schemas import Quantization, QuantizeRequest
from app.quantization.service import get_quantization, request_quantization
from app.web.dependencies import ReadSessionDep, SessionDep
from app.web.problems import problem_responses

router = APIRouter(tags=["models"])


_RESPONSES = {
    **PENDING_RESPONSE,
    **problem_responses(
        errors.NotFound,
        errors.Conflict,
        errors.DatasetInvalid,
        errors.TooFewImages,
        errors.ValidationFailed,
        errors.EngineUnavailable,
        errors.CheckpointInvalid,
    ),
}


@router.post(
    "/models/{name}/versions/{version}/quantize",
    response_model=Quantization,
    summary="Make a version in int8",
    responses=_RESPONSES,
)
def quantize_version(
    session: SessionDep, name: NamePath, version: VersionPath, body: QuantizeRequest
) -> Response:
    """Round a version to int8, which answers faster on CPUs, and register it as a new version.

    A worker does it once: until then the answer is 202, and `Location`, or the same request, later
    brings the new version with what the rounding changed. It never answers for the model by being
    the newest: `champion` may point to it only through the model's gate.
    """
    return _answer(name, version, request_quantization(session, name, version, body))


@router.get(
    "/models/{name}/versions/{version}/quantizations/{analysis_id}",
    response_model=Quantization,
    summary="Look at a quantisation",
    responses=_RESPONSES,
)
def look_at_quantization(
    session: ReadSessionDep,
    name: NamePath,
    version: VersionPath,
    analysis_id: Annotated[
        str,
        Path(
            max_length=40,
            description="From `Location`.",
            examples=["inq_01k0w1rhzemcbybsywa1w8p9"],
        ),
    ],
) -> Response:
    """Show the version in int8 once it is there."""
    return _answer(name, version, get_quantization(session, name, version, analysis_id))


def _answer(name: str, version: int, analysis: AnalysisRequest) -> Response:
    result = require_result(analysis)
    if result is None:
        path = f"/models/{name}/versions/{version}/quantizations/{analysis.id}"
        return pending_response(analysis, location=path)
    return JSONResponse(Quantization.model_validate(result).model_dump(mode="json"))
