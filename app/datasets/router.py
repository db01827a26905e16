"""Routes for datasets and their images."""

from functools import partial
from typing import Annotated

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Path, Query, Request, Response

from app import errors, request_errors, upload_errors
from app.datasets import previews, service, thumbnails
from app.datasets.finished_uploads import take_archive
from app.datasets.manifest import Split
from app.datasets.schemas import (
    DatasetDetail,
    DatasetStatus,
    Finding,
    ImageDetail,
    ImagePair,
    PairKind,
    view_dataset,
)
from app.datasets.thumbnail_names import round_up
from app.datasets.upload import Upload, receive_upload, upload_key
from app.datasets.upload_form import (
    DatasetRequest,
    form_schema,
    name_of,
    parse_form,
    parse_request,
)
from app.db.base import new_id
from app.db.session import Database
from app.db.tables import DatasetImage
from app.ml.images.formats import MEDIA_TYPES
from app.storage import Storage
from app.tenants.bodies import require_room_for_body
from app.tenants.service import require_room
from app.uploads.schemas import parse_metadata
from app.web.content_types import FORM, JSON, explain_content_type, media_type_of
from app.web.dependencies import (
    NEEDS_SPACE,
    DatabaseDep,
    PageDep,
    ReadSessionDep,
    SearchText,
    Services,
    ServicesDep,
    StorageDep,
)
from app.web.drawing import draw
from app.web.etags import matches
from app.web.idempotency import Created, Idempotency, IdempotencyDep, fingerprint_of
from app.web.multipart import read_parts
from app.web.problems import problem_responses
from app.web.schemas import Page, make_page
from app.web.text import TEXT_PATTERN

router = APIRouter(tags=["datasets"])

DatasetId = Annotated[
    str,
    Path(
        max_length=40,
        pattern=r"^[\w-]+$",
        description="The dataset.",
        examples=["ds_01k0w1rhzemcbybsywa1w8p9"],
    ),
]
ImageId = Annotated[
    int, Path(ge=1, lt=2**31, description="Id of the image in its dataset.", examples=[1])
]
_Limit = Annotated[int, Query(ge=1, le=1000, description="Number of entries on a page.")]
_After = Annotated[int, Query(ge=0, lt=2**31, description="The last id of the previous page.")]
_IMAGE_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}
_THUMBNAIL_THREADS = CapacityLimiter(2)
"""A page of thumbnails must not take the threads of other routes, nor the cores of predictions."""


@router.post(
    "/datasets",
    status_code=202,
    response_model=DatasetDetail,
    summary="Upload a dataset",
    dependencies=[NEEDS_SPACE],
    responses=problem_responses(
        errors.ValidationFailed,
        errors.ArchiveInvalid,
        errors.ArchiveUnsupported,
        errors.BadJson,
        errors.BodyIncomplete,
        errors.BodyTooLarge,
        errors.NotFound,
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
                "multipart/form-data": {"schema": form_schema()},
                "application/json": {"schema": DatasetRequest.model_json_schema()},
            },
        }
    },
)
async def create_dataset(
    request: Request, services: ServicesDep, idempotency: IdempotencyDep
) -> Response:
    """Upload an archive of labelled images (form), or use a finished upload (JSON).

    A worker checks and unpacks the archive. The default of `name` is the file's name. The dataset's
    `error` and `report` show problems of the archive. Large archives are better sent as a resumable
    upload (`POST /uploads`), whose id is then sent here as JSON.
    """
    dataset_id = new_id("ds")
    content_type = media_type_of(request.headers.get("content-type", ""))
    if content_type == JSON:
        body = parse_request(await request.body())
        return await run_sync(_use_upload, services, idempotency, dataset_id, body)
    if content_type != FORM:
        arguments = ["-F", "file=@photographs.zip"]
        raise request_errors.UnsupportedMediaType(
            explain_content_type(request, (FORM, JSON), arguments)
        )
    parts = read_parts(request)
    await run_sync(require_room_for_body, services, request)
    upload = await receive_upload(
        parts, services.storage, key=upload_key(dataset_id), space=services.space
    )
    return await run_sync(_record_upload, services, idempotency, dataset_id, upload)


def _use_upload(
    services: Services, idempotency: Idempotency, dataset_id: str, body: DatasetRequest
) -> Response:
    with services.database.transaction() as session:

        def create() -> Created:
            upload = take_archive(session, services.storage, body.upload_id, used_by=dataset_id)
            filename = parse_metadata(upload.metadata_header).get("filename", "")
            dataset = service.create_dataset(
                session,
                dataset_id=dataset_id,
                name=body.name or name_of(filename),
                upload_key=upload.storage_key,
                num_bytes=upload.length,
                val_fraction=body.val_fraction,
                split_seed=body.split_seed,
                labels=body.metadata,
            )
            return Created(view_dataset(dataset), f"/datasets/{dataset_id}")

        answer, _ = idempotency.answer_once(session, fingerprint_of(body), create)
    return answer


def _record_upload(
    services: Services, idempotency: Idempotency, dataset_id: str, upload: Upload
) -> Response:
    is_kept = False
    try:
        form = parse_form(upload.fields, filename=upload.filename)
        with services.database.transaction() as session:

            def create() -> Created:
                require_room(session, services.settings, upload.num_bytes)
                dataset = service.create_dataset(
                    session,
                    dataset_id=dataset_id,
                    name=form.name,
                    upload_key=upload.key,
                    num_bytes=upload.num_bytes,
                    val_fraction=form.val_fraction,
                    split_seed=form.split_seed,
                    labels=form.metadata,
                )
                return Created(view_dataset(dataset), f"/datasets/{dataset_id}")

            fingerprint = fingerprint_of(form, upload.sha256)
            answer, is_new = idempotency.answer_once(session, fingerprint, create)
        is_kept = is_new
    finally:
        if not is_kept:
            services.storage.delete(upload.key)
    return answer


@router.get("/datasets", summary="List datasets, newest first")
def list_datasets(
    session: ReadSessionDep,
    page: PageDep,
    status: Annotated[
        list[DatasetStatus] | None,
        Query(description="Only datasets in this state; repeat it for several states."),
    ] = None,
    text: SearchText = None,
) -> Page[DatasetDetail]:
    """List datasets; `after` is the last id of the previous page."""
    rows, has_more = service.list_datasets(
        session, limit=page.limit, after=page.after, statuses=status or (), text=text
    )
    return make_page([view_dataset(row) for row in rows], lambda one: one.id, has_more=has_more)


@router.get(
    "/datasets/{dataset_id}",
    summary="Get a dataset",
    responses=problem_responses(errors.NotFound),
)
def get_dataset(session: ReadSessionDep, dataset_id: DatasetId) -> DatasetDetail:
    """Return a dataset: the progress of its ingestion, then its classes, counts and report."""
    return view_dataset(service.get_dataset(session, dataset_id))


@router.delete(
    "/datasets/{dataset_id}",
    summary="Delete a dataset",
    status_code=204,
    responses=problem_responses(errors.NotFound, errors.InUse),
)
def delete_dataset(database: DatabaseDep, storage: StorageDep, dataset_id: DatasetId) -> None:
    """Delete a dataset; no unfinished job or batch may use it. Its jobs and models stay."""
    with database.transaction() as session:
        unreferenced = service.delete_dataset(session, dataset_id)
    for key in unreferenced:
        storage.delete(key)


@router.get(
    "/datasets/{dataset_id}/images",
    summary="List a dataset's images",
    responses=problem_responses(errors.NotFound),
)
def list_images(  # noqa: PLR0913 - the filters of the list
    *,
    session: ReadSessionDep,
    dataset_id: DatasetId,
    split: Annotated[Split | None, Query(description="Only this split.")] = None,
    class_name: Annotated[
        str | None,
        Query(alias="class", max_length=255, pattern=TEXT_PATTERN, description="Only this class."),
    ] = None,
    finding: Annotated[
        Finding | None,
        Query(description="Only images with this finding in the report's lists."),
    ] = None,
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=255,
            pattern=TEXT_PATTERN,
            description="Only images whose path contains this text; case does not matter.",
            examples=["ants/00"],
        ),
    ] = None,
    limit: _Limit = 20,
    after: _After = 0,
) -> Page[ImageDetail]:
    """List a ready dataset's images by split, class and path."""
    images, has_more = service.list_images(
        session,
        dataset_id,
        limit=limit,
        after=after,
        split=split,
        class_name=class_name,
        path_part=q,
        finding=finding,
    )
    return make_page(images, lambda image: image.id, has_more=has_more)


@router.get(
    "/datasets/{dataset_id}/pairs",
    summary="List a dataset's duplicate and leaked images in pairs",
    responses=problem_responses(errors.NotFound),
)
def list_pairs(
    session: ReadSessionDep,
    dataset_id: DatasetId,
    kind: Annotated[PairKind, Query(description="Which list of the report.")],
    limit: _Limit = 20,
    after: _After = 0,
) -> Page[ImagePair]:
    """List the pairs of one of the report's lists, in its order, with both images.

    The report holds the first 1,000 pairs of each list; `report.counts` has the full numbers.
    """
    pairs, has_more = service.list_pairs(session, dataset_id, kind=kind, limit=limit, after=after)
    return make_page(pairs, lambda pair: pair.id, has_more=has_more)


@router.get(
    "/datasets/{dataset_id}/images/{image_id}",
    summary="Download an image or its thumbnail",
    response_class=Response,
    responses={
        200: {
            "description": "The original file, or a JPEG with no side longer than `size`, rounded "
            "up to 64, 128, 256, 512 or 1024.",
            "content": {kind: {} for kind in MEDIA_TYPES.values()},
        },
        304: {"description": "The client already has it: `If-None-Match` names its `ETag`."},
        **problem_responses(errors.NotFound),
    },
)
async def get_image(  # noqa: PLR0913, PLR0917 - one for each parameter of the request
    database: DatabaseDep,
    storage: StorageDep,
    dataset_id: DatasetId,
    image_id: ImageId,
    size: Annotated[
        int | None,
        Query(
            ge=16,
            le=1024,
            description="Longest side of a thumbnail in pixels; rounded up to 64, 128, 256, 512 or "
            "1024. Smaller images are not enlarged.",
            examples=[256],
        ),
    ] = None,
    if_none_match: Annotated[
        str | None, Header(description="Tags that the client has, from `ETag`.")
    ] = None,
) -> Response:
    """Return an image as it was uploaded, or a thumbnail of it.

    Neither ever changes, so both may be cached for ever. Thumbnails are made once and stored.
    """
    pixels = None if size is None else round_up(size)
    image = await run_sync(_find_image, database, dataset_id, image_id)
    etag = f'"{image.sha256}"' if pixels is None else f'"{image.sha256}-{pixels}"'
    headers = _IMAGE_HEADERS | {"ETag": etag}
    if matches(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    if pixels is None:
        content, kind = await run_sync(_read_original, storage, image.storage_key)
        return Response(content, media_type=kind, headers=headers)
    names = (storage, image.storage_key, pixels)
    thumbnail = await run_sync(thumbnails.find_thumbnail, *names)
    if thumbnail is None:
        thumbnail = await run_sync(thumbnails.create_thumbnail, *names, limiter=_THUMBNAIL_THREADS)
    return Response(thumbnail, media_type="image/jpeg", headers=headers)


def _find_image(database: Database, dataset_id: str, image_id: int) -> DatasetImage:
    with database.reading() as session:
        return service.get_image(session, dataset_id, image_id)


def _read_original(storage: Storage, key: str) -> tuple[bytes, str]:
    path = storage.path(key)
    return path.read_bytes(), previews.content_type_of(path)


@router.get(
    "/datasets/{dataset_id}/preview.png",
    summary="Get a preview of a dataset's images",
    response_class=Response,
    responses={
        200: {"description": "Some images of a split.", "content": {"image/png": {}}},
        **problem_responses(
            errors.NotFound, errors.Conflict, errors.DatasetInvalid, errors.Overloaded
        ),
    },
)
async def get_preview(  # noqa: PLR0913 - what is drawn
    *,
    database: DatabaseDep,
    storage: StorageDep,
    dataset_id: DatasetId,
    split: Annotated[Split, Query(description="Split of the images.")] = "train",
    num_images: Annotated[int, Query(ge=1, le=64, description="Number of images.")] = 16,
    seed: Annotated[int, Query(ge=0, lt=2**32, description="Seed of the random choice.")] = 0,
) -> Response:
    """Draw a random choice of images with their class names in a grid, as PNG."""

    def choose() -> tuple[str, list[previews.Tile]]:
        with database.reading() as session:
            name = service.get_dataset(session, dataset_id).name
            chosen = service.choose_images(
                session, dataset_id, split=split, num_images=num_images, seed=seed
            )
            tiles = [previews.Tile(storage.path(row.storage_key), row.class_name) for row in chosen]
        return f"{name}: {split}", tiles

    title, tiles = await run_sync(choose)
    preview = await draw(partial(previews.draw_preview, tiles, title=title))
    return Response(preview, media_type="image/png")
