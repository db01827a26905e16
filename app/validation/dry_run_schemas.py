"""A dry run of a job: the question a worker is asked, and its answer."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.ml.recipe import Recipe
from app.web.schemas import ApiModel


class DryRunRequest(BaseModel):
    """What one batch of this recipe costs; model_name is what the job would register."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["dry_run"] = "dry_run"
    recipe: Recipe
    model_name: str
    base_model_key: str | None = None


class DryRun(ApiModel):
    """One batch of random images, run as the job would run it."""

    device: str = Field(description="Where it ran.", examples=["cpu"])
    fits: bool = Field(description="Whether the batch fits the device's memory.", examples=[True])
    fitting_batch_size: int | None = Field(
        description="The largest batch that was found to fit; null where not even one image does.",
        examples=[64],
    )
    train_seconds_per_image: float | None = Field(
        description="Forward and backward, with a batch that fits.", examples=[0.0291]
    )
    eval_seconds_per_image: float | None = Field(
        description="Forward alone, with a batch that fits.", examples=[0.0094]
    )
    peak_memory_bytes: int | None = Field(
        description="CPU: by how much the process grew at most; GPU: what was allocated at most.",
        examples=[412_090_368],
    )
    available_memory_bytes: int = Field(
        description="What the device had left before.", examples=[8_213_716_992]
    )
    estimated_seconds: float | None = Field(
        description="All epochs of this dataset by these figures.", examples=[41.7]
    )
