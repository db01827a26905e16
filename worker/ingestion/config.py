"""Define the configuration of a child process that ingests an upload."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict


class IngestionConfig(BaseModel):
    """The configuration that the supervisor sends to `python -m worker.ingestion`.

    upload_key is the key of the uploaded archive. The manifest is stored as
    `<key_prefix>/manifest.jsonl`, images as `<image_folder>/<first two hex digits>/<sha256>`: each
    tenant has a folder of its own.
    """

    model_config = ConfigDict(frozen=True)

    dataset_id: str
    upload_key: str
    key_prefix: str
    image_folder: str = "images"
    storage_dir: Path
    val_fraction: float
    split_seed: int
    max_unpacked_bytes: int
    max_archive_files: int
    max_bad_image_fraction: float
    max_image_bytes: int
    max_image_pixels: int
    storage_floor_bytes: int = 0
