"""Taking a version away in a form that needs nothing of this service."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import FileResponse

from app import errors
from app.analyses.service import require_result
from app.analyses.views import PENDING_RESPONSE, pending_response
from app.exports.schemas import Export
from app.exports.service import ask_export
from app.ml.export.formats import ExportFormat
from app.models.paths import NamePath, VersionPath
from app.web.dependencies import SessionDep, StorageDep
from app.web.problems import problem_responses

router = APIRouter(tags=["models"])

_ARCHIVE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "A zip archive: the model, `model.json` (class names, preprocessing in words, "
            "calibration, what the check found), `predict.py` (a runnable example that needs "
            "nothing of this service) and the golden pictures with their probabilities."
        ),
        "content": {"application/zip": {}},
        "headers": {
            "ETag": {
                "description": "The sha256 of the archive.",
                "schema": {"type": "string"},
            },
            "Graft-Max-Difference": {
                "description": "Largest difference in probability from the model that was found.",
                "schema": {"type": "number"},
            },
        },
    },
    304: {"description": "The archive is the one that `If-None-Match` names."},
}


@router.get(
    "/models/{name}/versions/{version}/export",
    response_class=Response,
    summary="Take a version away",
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
        ),
    },
)
def get_export(  # noqa: PLR0913 - FastAPI's parameters are the request's parts
    *,
    session: SessionDep,
    storage: StorageDep,
    name: NamePath,
    version: VersionPath,
    export_format: Annotated[
        ExportFormat,
        Query(
            alias="format",
            description="`safetensors` for torchvision; `onnx`, `torch_export` and `openvino` take "
            "decoded pixels of any size and prepare them themselves.",
            examples=["onnx"],
        ),
    ],
    if_none_match: Annotated[
        str | None, Header(description="An `ETag` that is known already.")
    ] = None,
) -> Response:
    """One self-contained archive, checked against the model on golden pictures.

    A worker makes it once: until then the answer is 202, and the same request brings it later. An
    archive that answers otherwise than the model within 0.001 in probability is not handed out.
    """
    analysis = ask_export(session, name, version, export_format)
    result = require_result(analysis)
    if result is None:
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
        path = storage.path(str(analysis.file_key))
    except FileNotFoundError as error:
        raise errors.Unavailable("The archive cannot be read.") from error
    return FileResponse(
        path,
        media_type="application/zip",
        filename=f"{name}-{version}-{export_format}.zip",
        headers=headers,
    )
