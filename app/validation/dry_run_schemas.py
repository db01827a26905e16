"""Schemas of a dry run: the analysis request and its result."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.ml.recipe import Recipe
from app.web.schemas import ApiModel


class DryRunRequest(BaseModel):
    """Analysis request: run one batch of a recipe; model_name is the model it would register."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["dry_run"] = "dry_run"
    recipe: Recipe
    model_name: str
    base_model_key: str | None = None


class DryRun(ApiModel):
    """One batch of random images, run as the job would run it."""

    device: str = Field(description="Device that ran the batch.", examples=["cpu"])
    fits: bool = Field(description="Whether the batch fits the device's memory.", examples=[True])
    fitting_batch_size: int | None = Field(
        description="The largest batch size that fits; null if not even one image fits.",
        examples=[64],
    )
    train_seconds_per_image: float | None = Field(
        description="Seconds of a training step per image, with a batch that fits.",
        examples=[0.0291],
    )
    eval_seconds_per_image: float | None = Field(
        description="Seconds of a forward pass per image, with a batch that fits.",
        examples=[0.0094],
    )
    peak_memory_bytes: int | None = Field(
        description="Peak memory: on the CPU the growth of the process, on a GPU the allocated "
        "memory.",
        examples=[412_090_368],
    )
    available_memory_bytes: int = Field(
        description="Free memory of the device before the run.", examples=[8_213_716_992]
    )
    estimated_seconds: float | None = Field(
        description="Estimated seconds of all epochs.", examples=[41.7]
    )
