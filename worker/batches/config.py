"""Define the configuration of a child process that predicts a batch."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from app.datasets.manifest import Split
from app.ml.recipe import Precision
from app.predictions.schemas import PredictOptions


class DatasetSource(BaseModel):
    """The images of a dataset's manifest, or of one of its splits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest_key: str
    split: Split | None


class ArchiveSource(BaseModel):
    """The image files of an uploaded archive, and the limits for reading it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    upload_key: str
    max_unpacked_bytes: int
    max_archive_files: int


class BatchConfig(BaseModel):
    """The configuration that the supervisor sends to `python -m worker.batches`.

    digest is the registered sha256 of the file with the version's weights, None where the version
    is no longer registered; checkpoint_digest is that of the checkpoint. part_keys are the keys of
    the lines that earlier attempts wrote, in order; results_key is the key of the complete results.
    num_threads images are processed at a time.
    """

    model_config = ConfigDict(frozen=True)

    source: DatasetSource | ArchiveSource
    checkpoint_key: str
    digest: str | None = None
    checkpoint_digest: str | None = None
    trust_key: str | None
    quantized_key: str | None = None
    options: PredictOptions
    part_keys: list[str] = []
    results_key: str
    part_seconds: float = 30.0
    storage_dir: Path
    device: str
    engine: Literal["auto", "torch", "openvino", "onnxruntime"]
    precision: Precision
    num_threads: int
    max_image_bytes: int
    max_image_pixels: int
