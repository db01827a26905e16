"""What a process that predicts a batch is told."""

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
    """The image files of an uploaded archive, and what it may cost to read them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    upload_key: str
    max_unpacked_bytes: int
    max_archive_files: int


class BatchConfig(BaseModel):
    """The configuration a supervisor sends to `python -m worker.batches`.

    digest is the registered sha256 of the file with the version's weights, None where the version
    is not registered any more. part_keys hold the lines that earlier attempts have written, in
    order; results_key is the key of all lines at the end. num_threads images are processed at the
    same time.
    """

    model_config = ConfigDict(frozen=True)

    source: DatasetSource | ArchiveSource
    checkpoint_key: str
    digest: str | None = None
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
