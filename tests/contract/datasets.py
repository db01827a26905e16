"""Datasets for the tests of their routes."""

import io
import zipfile
from typing import Any

from fastapi.testclient import TestClient
from PIL import Image

from app.datasets import service
from app.db.base import now
from app.db.session import Database
from app.db.tables import Job
from app.db.tenancy import file_folder
from app.settings import Settings
from app.storage import LocalStorage
from worker.ingestion.config import IngestionConfig
from worker.ingestion.ingest import ingest

FIELDS = {
    *("id", "name", "status", "error", "class_names", "splits", "progress", "report", "digest"),
    *("num_bytes", "val_fraction", "split_seed", "metadata", "created_at"),
}


def with_empty_weights(settings: Settings) -> Settings:
    """Create empty weights files of two architectures; only a worker opens them."""
    folder = settings.data_dir / "weights"
    folder.mkdir(parents=True)
    for name in ("resnet18", "squeezenet1_0"):
        (folder / f"{name}.safetensors").touch()
    return settings.model_copy(update={"weights_dir": folder})


def photographs() -> bytes:
    """Ten pictures of ants and six of bees, in class folders, and a text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("insects/README.txt", "read me")
        for name, count, hue in (("ants", 10, 0), ("bees", 6, 128)):
            for number in range(count):
                picture = io.BytesIO()
                color = (hue + number, 10, 200 - hue)
                Image.new("RGB", (300, 200), color).save(picture, "PNG")
                archive.writestr(f"insects/{name}/{number}.png", picture.getvalue())
    return buffer.getvalue()


PHOTOGRAPHS = photographs()


def upload(
    client: TestClient,
    content: bytes = PHOTOGRAPHS,
    /,
    *,
    filename: str = "Ants & Bees.zip",
    key: str | None = None,
    **fields: str,
) -> Any:
    return client.post(
        "/datasets",
        files={"file": (filename, content)},
        data=fields,
        headers={"Idempotency-Key": key} if key else {},
    )


def check_upload(dataset_id: str, database: Database, storage: LocalStorage) -> None:
    """Check an upload as a worker does."""
    with database.reading() as session:
        row = service.get_dataset(session, dataset_id)
    settings = Settings()
    config = IngestionConfig(
        dataset_id=dataset_id,
        upload_key=row.upload_key,
        key_prefix=f"{file_folder(row.tenant)}datasets/{dataset_id}/1",
        image_folder=f"{file_folder(row.tenant)}images",
        storage_dir=storage.root,
        val_fraction=row.val_fraction,
        split_seed=row.split_seed,
        max_unpacked_bytes=settings.max_unpacked_bytes,
        max_archive_files=settings.max_archive_files,
        max_bad_image_fraction=settings.max_bad_image_fraction,
        max_image_bytes=settings.max_image_bytes,
        max_image_pixels=settings.max_image_pixels,
    )
    with database.transaction() as session:
        service.begin_ingestion(session, dataset_id)

    def on_progress(stage: str, done: int, total: int) -> None:
        with database.transaction() as session:
            service.record_progress(session, dataset_id, stage, done, total)

    result = ingest(config, storage, on_progress)
    with database.transaction() as session:
        service.accept_dataset(
            session,
            dataset_id,
            manifest_key=result.manifest_key,
            manifest_path=storage.path(result.manifest_key),
            digest=result.digest,
            class_names=result.class_names,
            splits=result.splits,
            report=result.report,
        )


def add_job(database: Database, dataset_id: str, *, finished: bool) -> None:
    with database.transaction() as session:
        session.add(
            Job(
                id="job_1",
                dataset_id=dataset_id,
                status="succeeded" if finished else "running",
                config={},
                progress={},
                attempts=1,
                resume_epoch=0,
                model_name="ants",
                event_number=0,
                labels={},
                finished_at=now() if finished else None,
            )
        )


def list_ids(client: TestClient) -> list[str]:
    return [item["id"] for item in client.get("/datasets").json()["data"]]


def problem(response: Any) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]
