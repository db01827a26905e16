"""Routes of resumable uploads: tus 1.0 (https://tus.io/protocols/resumable-upload)."""

from functools import partial
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Path, Request, Response

from app import errors, request_errors, upload_errors
from app.access.principal import current_principal
from app.db.base import new_id
from app.db.upload_table import ResumableUpload
from app.uploads import service
from app.uploads.receiving import receive
from app.uploads.schemas import (
    ALGORITHMS,
    CONTENT_TYPE,
    EXTENSIONS,
    MAX_METADATA_CHARACTERS,
    VERSION,
    format_expiry,
    parse_checksum,
    parse_metadata,
)
from app.uploads.writer import Target, UploadWriter, create_file
from app.web.content_types import explain_content_type, media_type_of
from app.web.dependencies import (
    DatabaseDep,
    ReadSessionDep,
    Services,
    ServicesDep,
    SettingsDep,
    StorageDep,
)
from app.web.multipart import stream_body
from app.web.problems import problem_responses


def require_sender() -> None:
    """Raise Forbidden unless an upload may become a dataset or a batch for whoever sends it."""
    principal = current_principal()
    if not (principal.may("datasets:write") or principal.may("predict")):
        raise errors.Forbidden(
            f"'{principal.name}' lacks the scopes `datasets:write` and `predict`; uploads need one "
            "of them. Use a key that has it, or ask an administrator for one.",
            scopes=["datasets:write"],
        )


router = APIRouter(tags=["uploads"])
_SENDER = [Depends(require_sender)]


def _require_space(services: ServicesDep) -> None:
    """Require the floor of free space, but not the whole part: what fits of it is kept."""
    services.space.require()


UploadId = Annotated[
    str,
    Path(
        max_length=40,
        pattern=r"^[\w-]+$",
        description="The upload.",
        examples=["upl_01k0w1rhzemcbybsywa1w8p9"],
    ),
]
_TusResumable = Annotated[
    str, Header(description="Version of tus that the client speaks.", examples=[VERSION])
]
_UploadChecksum = Annotated[
    str | None,
    Header(
        max_length=200,
        description="Algorithm (sha1 or sha256) and Base64 of the checksum of this body.",
        examples=["sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="],
    ),
]


def _describe_headers(*names: str) -> dict[str, Any]:
    described = {
        "Location": "The address of the upload.",
        "Upload-Offset": "Number of bytes that have arrived and are durable.",
        "Upload-Length": "Number of bytes of the whole file.",
        "Upload-Metadata": "The header that the upload was created with.",
        "Upload-Expires": "When the upload is deleted unless more of it arrives.",
        "Tus-Version": "The supported version of tus.",
        "Tus-Extension": "The supported extensions of tus.",
        "Tus-Max-Size": "The largest file, in bytes (GRAFT_MAX_UPLOAD_BYTES).",
        "Tus-Checksum-Algorithm": "The algorithms of Upload-Checksum.",
    }
    return {name: {"description": described[name], "schema": {"type": "string"}} for name in names}


_BODY: dict[str, Any] = {
    CONTENT_TYPE: {"schema": {"type": "string", "format": "binary", "description": "Bytes."}}
}


@router.options(
    "/uploads",
    status_code=204,
    summary="Get the capabilities of resumable uploads",
    responses={
        204: {
            "description": "The capabilities are in the headers.",
            "headers": _describe_headers(
                "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"
            ),
        }
    },
)
async def get_upload_capabilities(settings: SettingsDep) -> Response:
    """Return the version, extensions and limits of tus here, in headers."""
    return Response(
        status_code=204,
        headers={
            "Tus-Version": VERSION,
            "Tus-Extension": ",".join(EXTENSIONS),
            "Tus-Max-Size": str(settings.max_upload_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@router.post(
    "/uploads",
    dependencies=[*_SENDER, Depends(_require_space)],
    status_code=201,
    response_class=Response,
    summary="Create a resumable upload",
    responses={
        201: {
            "description": "The upload is created.",
            "headers": _describe_headers("Location", "Upload-Offset", "Upload-Expires"),
        },
        **problem_responses(
            errors.ValidationFailed,
            errors.BodyIncomplete,
            errors.BodyTooLarge,
            errors.StorageFull,
            errors.QuotaExceeded,
            upload_errors.TusVersionUnsupported,
            upload_errors.ChecksumUnsupported,
            upload_errors.ChecksumMismatch,
        ),
    },
    openapi_extra={"requestBody": {"required": False, "content": _BODY}},
)
async def create_upload(  # noqa: PLR0913, PLR0917 - one for each header
    request: Request,
    services: ServicesDep,
    tus_resumable: _TusResumable,  # noqa: ARG001 - app.uploads.middleware has checked it
    upload_length: Annotated[
        int, Header(ge=0, lt=2**63, description="Number of bytes of the file.", examples=[2**31])
    ],
    upload_metadata: Annotated[
        str,
        Header(
            max_length=MAX_METADATA_CHARACTERS,
            description="Pairs of a key and the Base64 of a text. `filename` gives a dataset its "
            "default name.",
            examples=["filename YW50cy56aXA="],
        ),
    ] = "",
    upload_checksum: _UploadChecksum = None,
) -> Response:
    """Create an upload that may be interrupted and continued, and optionally send its first bytes.

    Send the bytes with PATCH, then name the upload's id as `upload_id` in `POST /datasets` or
    `POST /predictions`.
    """
    settings = services.settings
    parse_metadata(upload_metadata)
    checksum = parse_checksum(upload_checksum)
    if upload_length > settings.max_upload_bytes:
        raise errors.BodyTooLarge(
            f"Upload-Length is {upload_length}; at most {settings.max_upload_bytes} bytes are "
            "allowed (GRAFT_MAX_UPLOAD_BYTES)."
        )
    upload = await run_sync(_create, services, upload_length, upload_metadata)
    if media_type_of(request.headers.get("content-type", "")) == CONTENT_TYPE:
        target = Target(upload.id, 0, checksum, settings.upload_expires_seconds)
        upload = await _receive(request, services, target)
    return Response(
        status_code=201, headers={"Location": f"/uploads/{upload.id}"} | _headers_of(upload)
    )


def _create(services: Services, length: int, metadata_header: str) -> ResumableUpload:
    with services.database.transaction() as session:
        upload = service.create_upload(
            session,
            services.settings,
            upload_id=new_id("upl"),
            length=length,
            metadata_header=metadata_header,
        )
        create_file(services.storage, upload.storage_key)
    return upload


@router.head(
    "/uploads/{upload_id}",
    dependencies=_SENDER,
    response_class=Response,
    summary="Get the offset of an upload",
    responses={
        200: {
            "description": "The state of the upload is in the headers.",
            "headers": _describe_headers(
                "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Expires"
            ),
        },
        **problem_responses(
            errors.NotFound, upload_errors.UploadGone, upload_errors.TusVersionUnsupported
        ),
    },
)
def get_upload(
    session: ReadSessionDep,
    upload_id: UploadId,
    tus_resumable: _TusResumable,  # noqa: ARG001 - app.uploads.middleware has checked it
) -> Response:
    """Return in headers how many bytes have arrived; the client continues there."""
    upload = service.get_upload(session, upload_id)
    headers = _headers_of(upload) | {"Upload-Length": str(upload.length)}
    if upload.metadata_header:
        headers["Upload-Metadata"] = upload.metadata_header
    return Response(headers=headers)


@router.patch(
    "/uploads/{upload_id}",
    dependencies=[*_SENDER, Depends(_require_space)],
    status_code=204,
    summary="Continue an upload",
    responses={
        204: {
            "description": "The bytes are stored.",
            "headers": _describe_headers("Upload-Offset", "Upload-Expires"),
        },
        **problem_responses(
            errors.ValidationFailed,
            errors.NotFound,
            errors.BodyIncomplete,
            errors.BodyTooLarge,
            errors.StorageFull,
            upload_errors.UploadOffsetMismatch,
            upload_errors.UploadUsed,
            upload_errors.UploadGone,
            upload_errors.UploadLocked,
            request_errors.UnsupportedMediaType,
            upload_errors.TusVersionUnsupported,
            upload_errors.ChecksumUnsupported,
            upload_errors.ChecksumMismatch,
        ),
    },
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
)
async def continue_upload(  # noqa: PLR0913, PLR0917 - one for each header
    request: Request,
    services: ServicesDep,
    upload_id: UploadId,
    tus_resumable: _TusResumable,  # noqa: ARG001 - app.uploads.middleware has checked it
    upload_offset: Annotated[
        int,
        Header(ge=0, lt=2**63, description="The upload's offset, from HEAD.", examples=[0]),
    ],
    upload_checksum: _UploadChecksum = None,
) -> Response:
    """Append bytes at the upload's offset.

    What arrives before a connection breaks is kept, unless the request has a checksum. One request
    at a time may send bytes of an upload.
    """
    if media_type_of(request.headers.get("content-type", "")) != CONTENT_TYPE:
        arguments = [
            *("-H", f"Tus-Resumable: {VERSION}", "-H", f"Upload-Offset: {upload_offset}"),
            *("-H", f"Content-Type: {CONTENT_TYPE}", "--data-binary", "@photographs.zip"),
        ]
        problem = explain_content_type(request, (CONTENT_TYPE,), arguments)
        raise request_errors.UnsupportedMediaType(problem)
    target = Target(
        upload_id,
        upload_offset,
        parse_checksum(upload_checksum),
        services.settings.upload_expires_seconds,
    )
    upload = await _receive(request, services, target)
    return Response(status_code=204, headers=_headers_of(upload))


async def _receive(request: Request, services: Services, target: Target) -> ResumableUpload:
    writer = await run_sync(partial(UploadWriter, services.database, services.storage, target))
    chunks = stream_body(request)
    return await receive(chunks, writer)


@router.delete(
    "/uploads/{upload_id}",
    dependencies=_SENDER,
    status_code=204,
    summary="Delete an upload",
    responses=problem_responses(
        errors.NotFound, upload_errors.UploadUsed, upload_errors.TusVersionUnsupported
    ),
)
def delete_upload(
    database: DatabaseDep,
    storage: StorageDep,
    upload_id: UploadId,
    tus_resumable: _TusResumable,  # noqa: ARG001 - app.uploads.middleware has checked it
) -> Response:
    """Delete an upload that was not used, with its bytes."""
    with database.transaction() as session:
        key = service.delete_upload(session, upload_id)
    storage.delete(key)
    return Response(status_code=204)


def _headers_of(upload: ResumableUpload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": format_expiry(upload.expires_at),
    }
