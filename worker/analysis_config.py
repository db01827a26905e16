"""The configuration of child processes that compute analyses."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.advice.schemas import AdviceRequest
from app.evaluations.schemas import EvaluationParameters
from app.ml.recipe import Recipe
from app.quantization.schemas import QuantizationParameters
from app.validation.dry_run_schemas import DryRunRequest
from worker.training.config import TrainingConfig


class AnalysisConfig(BaseModel):
    """The configuration that the supervisor sends to the child of an analysis.

    checkpoint_digest is the registered sha256 of the checkpoint that the question names, None where
    it is not known. num_images is the number of the dataset's images by split. num_threads is used
    by evaluations. file_key is the storage key for the result's file, empty if it has none.
    """

    model_config = ConfigDict(frozen=True)

    question: Annotated[
        AdviceRequest | DryRunRequest | EvaluationParameters | QuantizationParameters,
        Field(discriminator="kind"),
    ]
    class_names: list[str]
    num_images: dict[str, int]
    manifest_key: str
    dataset_digest: str
    checkpoint_digest: str | None = None
    storage_dir: Path
    weights_dir: Path | None
    weights_download: bool
    cache_dir: Path
    image_cache_bytes: int
    storage_floor_bytes: int = 0
    device: str
    num_threads: int
    file_key: str = ""

    def train(self, recipe: Recipe) -> TrainingConfig:
        """Return the configuration of a job with this recipe, without a place to write to."""
        question = self.question
        base_model_key = (
            question.base_model_key if isinstance(question, AdviceRequest | DryRunRequest) else None
        )
        return TrainingConfig(
            job_id="",
            recipe=recipe,
            class_names=self.class_names,
            manifest_key=self.manifest_key,
            dataset_digest=self.dataset_digest,
            key_prefix="",
            storage_dir=self.storage_dir,
            weights_dir=self.weights_dir,
            weights_download=self.weights_download,
            cache_dir=self.cache_dir,
            image_cache_bytes=self.image_cache_bytes,
            storage_floor_bytes=self.storage_floor_bytes,
            device=self.device,
            base_model_key=base_model_key,
            base_model_digest=self.checkpoint_digest if base_model_key else None,
        )
