"""Response schemas of the overview."""

from typing import Literal

from pydantic import Field

from app.models.references import ReferenceText
from app.models.schemas import VersionName
from app.web.schemas import ApiModel, UtcTime

FindingKind = Literal[
    "job_failed", "dataset_invalid", "leaked", "near_leaked", "suspect_labels", "gate_failed"
]


class DatasetCounts(ApiModel):
    """Number of datasets in each state, and of the images in those that are ready."""

    total: int = Field(description="All datasets.", examples=[3])
    ingesting: int = Field(0, description="Datasets whose upload is being checked.")
    ready: int = Field(0, description="Datasets that can be trained on.")
    invalid: int = Field(0, description="Datasets whose upload was rejected.")
    num_images: int = Field(description="Images of the ready datasets.", examples=[1191])


class JobCounts(ApiModel):
    """Number of training jobs in each state."""

    total: int = Field(description="All jobs.", examples=[12])
    queued: int = Field(0, description="Jobs that wait for a worker.")
    running: int = Field(0, description="Jobs that a worker runs now.")
    cancelling: int = Field(0, description="Jobs that are being cancelled.")
    succeeded: int = Field(0, description="Jobs that have registered a model.")
    failed: int = Field(0, description="Jobs that ended with an error.")
    cancelled: int = Field(0, description="Jobs that were cancelled.")


class ModelCounts(ApiModel):
    """Number of registered models and of their versions."""

    total: int = Field(description="All models.", examples=[2])
    versions: int = Field(description="Versions of all models.", examples=[9])


class StudyCounts(ApiModel):
    """Number of studies."""

    total: int = Field(description="All studies.", examples=[1])
    running: int = Field(description="Studies with a job that has not ended.", examples=[0])


class PredictionCounts(ApiModel):
    """Number of batch predictions."""

    total: int = Field(description="All batch predictions.", examples=[4])
    queued: int = Field(0, description="Batch predictions that wait for a worker.")
    running: int = Field(0, description="Batch predictions that a worker runs now.")


class ServedModel(ApiModel):
    """The chosen model and its current version."""

    model: ReferenceText
    resolved: VersionName = Field(description="Current version of the reference.")


class Finding(ApiModel):
    """Something that a person should look at."""

    kind: FindingKind = Field(
        description="`job_failed`: a job failed in the last seven days and was not resumed. "
        "`dataset_invalid`: an upload was rejected. `leaked`: validation images are also in train. "
        "`near_leaked`: images are near duplicates of images in another split. `suspect_labels`: "
        "images are probably labelled wrongly. `gate_failed`: the newest version of a model was "
        "refused by its gate and is not the champion.",
        examples=["job_failed"],
    )
    subject: str = Field(
        description="Id of the job or dataset, or name of the model.",
        examples=["job_01k0w1rhzemcbybsywa1w8p9"],
    )
    title: str = Field(
        description="Name of the dataset or model; for a job, of the model that it trains.",
        examples=["ants-and-bees"],
    )
    detail: str = Field(
        description="What was found.",
        examples=[
            "The loss was no longer a finite number in epoch 2. Try a smaller learning rate."
        ],
    )
    created_at: UtcTime = Field(
        description="When the job failed, the dataset was uploaded or the promotion was refused."
    )


class Overview(ApiModel):
    """Counts of everything, and what needs attention."""

    datasets: DatasetCounts
    jobs: JobCounts
    models: ModelCounts
    studies: StudyCounts
    predictions: PredictionCounts
    serving: ServedModel | None = Field(
        description="The chosen model; null if none has been chosen."
    )
    attention: list[Finding] = Field(
        description="At most 20 findings, newest first. Only the newest 50 datasets and the last "
        "50 refused promotions are looked at."
    )
