"""HTTP route that exports a version as an archive for use without this service."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import FileResponse

from app import errors
from app.analyses.service import require_result
from app.analyses.views import PENDING_RESPONSE, pending_response
from app.exports.schemas import Export
from app.exports.service import request_export
from app.ml.export.formats import ExportFormat
from app.models.path_parameters import NamePath, VersionPath
from app.web.dependencies import ServicesDep, SessionDep
from app.web.problems import problem_responses

router = APIRouter(tags=["exports"])

_ARCHIVE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "A zip archive: the model, `model.json` (class names, description of the "
            "preprocessing, calibration, result of the check), `predict.py` (an example that runs "
            "without this service) and the test images of the check with their probabilities."
        ),
        "content": {"application/zip": {}},
        "headers": {
            "ETag": {
                "description": "The sha256 of the archive.",
                "schema": {"type": "string"},
            },
            "Graft-Max-Difference": {
                "description": "Largest difference of a probability between the archive and the "
                "model.",
                "schema": {"type": "number"},
            },
        },
    },
    304: {"description": "The archive has the digest in `If-None-Match`."},
}


@router.get(
    "/models/{name}/versions/{version}/export",
    response_class=Response,
    summary="Download an exported model",
    responses={
        **_ARCHIVE,
        **PENDING_RESPONSE,
        **problem_responses(
            errors.NotFound,
            errors.Conflict,
            errors.CheckpointInvalid,
            errors.ExportMismatch,
            errors.ExportUnavailable,
            errors.StorageFull,
            errors.QuotaExceeded,
        ),
    },
)
def get_export(  # noqa: PLR0913 - FastAPI's parameters are the request's parts
    *,
    session: SessionDep,
    services: ServicesDep,
    name: NamePath,
    version: VersionPath,
    export_format: Annotated[
        ExportFormat,
        Query(
            alias="format",
            description="`safetensors`: weights for torchvision. `onnx`, `torch_export`, "
            "`openvino`: a "
            "graph that takes decoded pixels of any size and includes the preprocessing.",
            examples=["onnx"],
        ),
    ],
    if_none_match: Annotated[
        str | None, Header(description="The `ETag` of an archive that the client has.")
    ] = None,
) -> Response:
    """Download a self-contained archive of a version.

    A worker builds the archive once. Until it is ready, the response is 202; repeat the request
    later. The worker compares the archive with the model on test images. If a probability differs
    by more than 0.001, the export fails.
    """
    analysis = request_export(session, services.settings, name, version, export_format)
    result = require_result(analysis)
    if result is None:
        services.space.require()
        location = f"/models/{name}/versions/{version}/export?format={export_format}"
        return pending_response(analysis, location=location)
    export = Export.model_validate(result)
    headers = {
        "ETag": f'"{export.digest}"',
        "Graft-Max-Difference": f"{export.check.max_probability_difference:.2g}",
    }
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    try:
        path = services.storage.path(str(analysis.file_key))
    except FileNotFoundError as error:
        raise errors.Unavailable(
            "The archive's file is not in the storage; restore a backup."
        ) from error
    return FileResponse(
        path,
        media_type="application/zip",
        filename=f"{name}-{version}-{export_format}.zip",
        headers=headers,
    )
