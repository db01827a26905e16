"""HTTP routes of batch predictions."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect

from app import errors, request_errors, upload_errors
from app.batches import service
from app.batches.form import parse_form, parse_request
from app.batches.results import write_csv
from app.batches.schemas import (
    BatchDetail,
    BatchForm,
    BatchRequest,
    ResultLine,
    Status,
    form_schema,
)
from app.batches.views import view_batch
from app.datasets.finished_uploads import take_archive
from app.datasets.upload import Upload, receive_upload, upload_key
from app.db.base import new_id
from app.db.tables import PredictionBatch
from app.tenants.bodies import require_room_for_body
from app.tenants.service import require_room
from app.web.content_types import FORM, JSON, explain_content_type, media_type_of
from app.web.dependencies import (
    NEEDS_SPACE,
    DatabaseDep,
    PageDep,
    ReadSessionDep,
    Services,
    ServicesDep,
    StorageDep,
)
from app.web.idempotency import Created, Idempotency, IdempotencyDep, fingerprint_of
from app.web.multipart import read_parts
from app.web.problems import problem_responses
from app.web.schemas import Page, make_page

router = APIRouter(tags=["batch predictions"])


class JsonLines(FileResponse):
    """A response with a stored file of results."""

    media_type = "application/x-ndjson"


BatchId = Annotated[
    str,
    Path(max_length=40, description="Id of the batch.", examples=["pred_01k0w1rhzemcbybsywa1w8p9"]),
]


@router.post(
    "/predictions",
    status_code=202,
    response_model=BatchDetail,
    summary="Create a batch prediction",
    dependencies=[NEEDS_SPACE],
    responses=problem_responses(
        errors.ValidationFailed,
        errors.ArchiveInvalid,
        errors.ArchiveUnsupported,
        errors.BadJson,
        errors.BodyIncomplete,
        errors.BodyTooLarge,
        errors.NotFound,
        errors.ModelNotReady,
        errors.NotCalibrated,
        errors.DatasetInvalid,
        errors.IdempotencyConflict,
        errors.StorageFull,
        errors.QuotaExceeded,
        upload_errors.UploadUnfinished,
        upload_errors.UploadUsed,
        upload_errors.UploadGone,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": BatchRequest.model_json_schema()},
                "multipart/form-data": {"schema": form_schema()},
            },
        }
    },
)
async def create_batch(
    request: Request, services: ServicesDep, idempotency: IdempotencyDep
) -> Response:
    """Classify the images of a dataset (JSON) or of an uploaded archive (form) in a worker.

    JSON with `upload_id` names an archive that was sent as a resumable upload (`POST /uploads`).
    Each image gets the same result as from POST /predict. The reference is resolved to a version
    now. An image that cannot be read has an error in the results.
    """
    content_type = media_type_of(request.headers.get("content-type", ""))
    if content_type == JSON:
        body = parse_request(await _read_body(request))
        return await run_sync(_record_request, services, idempotency, body)
    if content_type != FORM:
        arguments = ["-F", "file=@photographs.zip"]
        raise request_errors.UnsupportedMediaType(
            explain_content_type(request, (JSON, FORM), arguments)
        )
    batch_id = new_id("pred")
    await run_sync(require_room_for_body, services, request)
    parts = read_parts(request)
    upload = await receive_upload(
        parts,
        services.storage,
        key=upload_key(batch_id),
        allowed=tuple(BatchForm.model_fields),
        space=services.space,
    )
    return await run_sync(_record_upload, services, idempotency, batch_id, upload)


async def _read_body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise errors.BodyIncomplete("The connection was closed before the body ended.") from error


def _record_request(services: Services, idempotency: Idempotency, body: BatchRequest) -> Response:
    def create(session: Session) -> PredictionBatch:
        if body.dataset_id is not None:
            require_room(session, services.settings, 0)
            return service.predict_dataset(session, body)
        batch_id = new_id("pred")
        upload = take_archive(session, services.storage, str(body.upload_id), used_by=batch_id)
        return service.predict_archive(
            session,
            batch_id=batch_id,
            upload_key=upload.storage_key,
            num_bytes=upload.length,
            model=body.model,
            options=body.options,
            labels=body.metadata,
        )

    response, _ = _create_once(services, idempotency, fingerprint_of(body), create)
    return response


def _record_upload(
    services: Services, idempotency: Idempotency, batch_id: str, upload: Upload
) -> Response:
    is_kept = False
    try:
        form = parse_form(upload.fields)

        def create(session: Session) -> PredictionBatch:
            require_room(session, services.settings, upload.num_bytes)
            return service.predict_archive(
                session,
                batch_id=batch_id,
                upload_key=upload.key,
                num_bytes=upload.num_bytes,
                model=form.model,
                options=form.options,
                labels=form.metadata,
            )

        fingerprint = fingerprint_of(form, upload.sha256)
        response, is_kept = _create_once(services, idempotency, fingerprint, create)
    finally:
        if not is_kept:
            services.storage.delete(upload.key)
    return response


def _create_once(
    services: Services,
    idempotency: Idempotency,
    fingerprint: str,
    create: Callable[[Session], PredictionBatch],
) -> tuple[Response, bool]:
    """Return the response, and True if this request created the batch."""
    with services.database.transaction() as session:

        def created() -> Created:
            batch = create(session)
            return Created(view_batch(batch), f"/predictions/{batch.id}")

        return idempotency.answer_once(session, fingerprint, created)


@router.get("/predictions", summary="List batch predictions")
def list_batches(
    session: ReadSessionDep,
    page: PageDep,
    status: Annotated[Status | None, Query(description="Only batches in this state.")] = None,
    dataset_id: Annotated[
        str | None, Query(max_length=40, description="Only batches of this dataset.")
    ] = None,
) -> Page[BatchDetail]:
    """List batches, newest first; `after` is the last id of the previous page."""
    rows, has_more = service.list_batches(
        session, limit=page.limit, after=page.after, status=status, dataset_id=dataset_id
    )
    return make_page([view_batch(row) for row in rows], lambda batch: batch.id, has_more=has_more)


@router.get(
    "/predictions/{batch_id}",
    summary="Get a batch prediction",
    responses=problem_responses(errors.NotFound),
)
def get_batch(batch_id: BatchId, session: ReadSessionDep) -> BatchDetail:
    """Return a batch with its progress, and its counts once it has succeeded."""
    return view_batch(service.get_batch(session, batch_id))


_RESULTS: dict[int | str, dict[str, Any]] = {
    200: {
        "model": ResultLine,
        "description": "One line per image, in the order of the dataset or archive.",
        "content": {"text/csv": {}},
    }
}


@router.get(
    "/predictions/{batch_id}/results",
    response_class=JsonLines,
    summary="Download a batch's results",
    responses=_RESULTS | problem_responses(errors.NotFound, errors.ResultsNotReady),
)
def get_results(
    batch_id: BatchId,
    database: DatabaseDep,
    storage: StorageDep,
    format: Annotated[  # noqa: A002 - the contract's name
        Literal["jsonl", "csv"],
        Query(
            description="`jsonl` (JSON Lines) has all fields of an image; `csv` has the main ones."
        ),
    ] = "jsonl",
) -> Response:
    """Return one line per image: the result of POST /predict, or an error."""
    with database.reading() as session:
        key = service.get_results_key(session, batch_id)
    path = storage.path(key)
    if format == "jsonl":
        filename = f"{batch_id}.jsonl"
        return JsonLines(path, media_type=JsonLines.media_type, filename=filename)
    return StreamingResponse(
        write_csv(path),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{batch_id}.csv"'},
    )


_TRANSITION_ERRORS = problem_responses(errors.NotFound, errors.IllegalTransition)


@router.post(
    "/predictions/{batch_id}/cancel",
    status_code=202,
    summary="Cancel a batch prediction",
    responses=_TRANSITION_ERRORS,
)
def cancel_batch(batch_id: BatchId, database: DatabaseDep, storage: StorageDep) -> BatchDetail:
    """Cancel a batch that has not ended. A cancelled batch has no results."""
    with database.transaction() as session:
        batch, unneeded = service.cancel_batch(session, batch_id)
        view = view_batch(batch)
    for key in unneeded:
        storage.delete(key)
    return view


@router.delete(
    "/predictions/{batch_id}",
    status_code=204,
    summary="Delete a batch prediction",
    responses=_TRANSITION_ERRORS,
)
def delete_batch(batch_id: BatchId, database: DatabaseDep, storage: StorageDep) -> None:
    """Delete a batch that has ended, with its results."""
    with database.transaction() as session:
        unneeded = service.delete_batch(session, batch_id)
    for key in unneeded:
        storage.delete(key)
