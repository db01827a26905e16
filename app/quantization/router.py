"""HTTP routes that quantize versions to int8."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import JSONResponse

from app import errors
from app.analyses.service import require_result
from app.analyses.views import PENDING_RESPONSE, pending_response
from app.db.tables import AnalysisRequest
from app.models.path_parameters import NamePath, VersionPath
from app.quantization import service
from app.quantization.schemas import Quantization, QuantizeRequest
from app.web.dependencies import NEEDS_SPACE, ReadSessionDep, SessionDep, SettingsDep
from app.web.problems import problem_responses

router = APIRouter(tags=["quantization"])


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
    summary="Quantize a version",
    dependencies=[NEEDS_SPACE],
    responses=_RESPONSES | problem_responses(errors.StorageFull, errors.QuotaExceeded),
)
def quantize_version(
    session: SessionDep,
    settings: SettingsDep,
    name: NamePath,
    version: VersionPath,
    body: QuantizeRequest,
) -> Response:
    """Quantize a version to int8, which is faster on CPUs, and register it as a new version.

    A worker does this once. Until it is done, the response is 202; get `Location`, or repeat the
    request, later. The result is the new version with the changes in accuracy. The model's bare
    name never selects an int8 version as the newest one. It can become `champion` only through the
    model's gate.
    """
    requested = service.request_quantization(session, settings, name, version, body)
    return _respond(name, version, requested)


@router.get(
    "/models/{name}/versions/{version}/quantizations/{analysis_id}",
    response_model=Quantization,
    summary="Get a quantization",
    responses=_RESPONSES,
)
def get_quantization(
    session: ReadSessionDep,
    name: NamePath,
    version: VersionPath,
    analysis_id: Annotated[
        str,
        Path(
            max_length=40,
            description="Id in `Location`.",
            examples=["inq_01k0w1rhzemcbybsywa1w8p9"],
        ),
    ],
) -> Response:
    """Return the int8 version once it is registered."""
    return _respond(name, version, service.get_quantization(session, name, version, analysis_id))


def _respond(name: str, version: int, analysis: AnalysisRequest) -> Response:
    result = require_result(analysis)
    if result is None:
        path = f"/models/{name}/versions/{version}/quantizations/{analysis.id}"
        return pending_response(analysis, location=path)
    return JSONResponse(Quantization.model_validate(result).model_dump(mode="json"))
