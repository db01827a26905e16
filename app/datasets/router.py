"""Routes for datasets and their images."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, Path, Query, Request, Response

from app import errors
from app.datasets import previews, service
from app.datasets.manifest import Split
from app.datasets.schemas import DatasetDetail, DatasetStatus, ImageDetail, view_dataset
from app.datasets.upload import Upload, receive_upload
from app.datasets.upload_form import form_schema, parse_form
from app.db.base import new_id
from app.web.dependencies import (
    DatabaseDep,
    PageDep,
    ReadSessionDep,
    SearchText,
    Services,
    ServicesDep,
    StorageDep,
)
from app.web.idempotency import Created, Idempotency, IdempotencyDep, fingerprint_of
from app.web.multipart import read_parts
from app.web.problems import problem_responses
from app.web.schemas import Page, make_page

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
_IMAGE_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}


@router.post(
    "/datasets",
    status_code=202,
    response_model=DatasetDetail,
    summary="Upload a dataset",
    responses=problem_responses(
        errors.ValidationFailed,
        errors.ArchiveInvalid,
        errors.ArchiveUnsupported,
        errors.BodyIncomplete,
        errors.BodyTooLarge,
        errors.IdempotencyConflict,
        errors.StorageFull,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": form_schema()}},
        }
    },
)
async def create_dataset(
    request: Request, services: ServicesDep, idempotency: IdempotencyDep
) -> Response:
    """Upload an archive of labelled images; a worker checks and unpacks it.

    The default of `name` is the file's name. The dataset's `error` and `report` show problems of
    the archive.
    """
    dataset_id = new_id("ds")
    parts = read_parts(request, stall_seconds=services.settings.upload_stall_seconds)
    upload = await receive_upload(parts, services.storage, key=f"uploads/{dataset_id}")
    return await run_sync(_record_upload, services, idempotency, dataset_id, upload)


def _record_upload(
    services: Services, idempotency: Idempotency, dataset_id: str, upload: Upload
) -> Response:
    is_kept = False
    try:
        form = parse_form(upload.fields, filename=upload.filename)
        with services.database.transaction() as session:

            def create() -> Created:
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
        Query(alias="class", max_length=255, pattern=r"^[^\x00]*$", description="Only this class."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Number of images.")] = 20,
    after: Annotated[
        int, Query(ge=0, lt=2**31, description="The last id of the previous page.")
    ] = 0,
) -> Page[ImageDetail]:
    """List a ready dataset's images by split, class and path."""
    rows, has_more = service.list_images(
        session, dataset_id, limit=limit, after=after, split=split, class_name=class_name
    )
    images = [ImageDetail.model_validate(row) for row in rows]
    return make_page(images, lambda image: image.id, has_more=has_more)


@router.get(
    "/datasets/{dataset_id}/images/{image_id}",
    summary="Download an image or its thumbnail",
    response_class=Response,
    responses={
        200: {
            "description": "The original file, or a JPEG no larger than `size`.",
            "content": {kind: {} for kind in previews.CONTENT_TYPES.values()},
        },
        **problem_responses(errors.NotFound),
    },
)
def get_image(
    database: DatabaseDep,
    storage: StorageDep,
    dataset_id: DatasetId,
    image_id: ImageId,
    size: Annotated[
        int | None,
        Query(ge=16, le=1024, description="Longest side of a thumbnail in pixels.", examples=[256]),
    ] = None,
) -> Response:
    """Return an image as it was uploaded, or a thumbnail of it."""
    with database.reading() as session:
        path = storage.path(service.get_image(session, dataset_id, image_id).storage_key)
    if size is None:
        kind = previews.content_type_of(path)
        return Response(path.read_bytes(), media_type=kind, headers=_IMAGE_HEADERS)
    thumbnail = previews.encode_jpeg(previews.make_thumbnail(path, size=size))
    return Response(thumbnail, media_type="image/jpeg", headers=_IMAGE_HEADERS)


@router.get(
    "/datasets/{dataset_id}/preview.png",
    summary="Get a preview of a dataset's images",
    response_class=Response,
    responses={
        200: {"description": "Some images of a split.", "content": {"image/png": {}}},
        **problem_responses(errors.NotFound, errors.Conflict, errors.DatasetInvalid),
    },
)
def get_preview(  # noqa: PLR0913 - what is drawn
    *,
    database: DatabaseDep,
    storage: StorageDep,
    dataset_id: DatasetId,
    split: Annotated[Split, Query(description="Split of the images.")] = "train",
    num_images: Annotated[int, Query(ge=1, le=64, description="Number of images.")] = 16,
    seed: Annotated[int, Query(ge=0, lt=2**32, description="Seed of the random choice.")] = 0,
) -> Response:
    """Draw a random choice of images with their class names in a grid, as PNG."""
    with database.reading() as session:
        name = service.get_dataset(session, dataset_id).name
        chosen = service.choose_images(
            session, dataset_id, split=split, num_images=num_images, seed=seed
        )
    tiles = [previews.Tile(storage.path(row.storage_key), row.class_name) for row in chosen]
    preview = previews.draw_preview(tiles, title=f"{name}: {split}")
    return Response(preview, media_type="image/png")
