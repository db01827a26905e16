"""Arguments that several tools have."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graft_client.options import Preset, Strategy

DatasetId = Annotated[str, Field(description="Id of a dataset, such as `ds_…`.")]
JobId = Annotated[str, Field(description="Id of a job, such as `job_…`.")]
Limit = Annotated[int, Field(ge=1, le=100, description="Largest number of rows.")]
EvaluatedSplit = Annotated[
    Literal["val", "test"], Field(description="Images on which the jobs are compared.")
]
Alias = Annotated[str, Field(description="Name of the alias; `champion` is the usual one.")]
Reference = Annotated[
    str,
    Field(description="Reference to a model: `name:3`, `name@alias`, or `name` for its champion."),
]


class TrainingOptions(BaseModel):
    """Fields of a training job; the service chooses those that are left out."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_name: str | None = Field(None, description="Name of the model that is registered.")
    strategy: Strategy | None = Field(
        None, description="How much of the network is trained; `auto` decides by measuring."
    )
    architecture: str | None = Field(
        None, description="Such as `resnet18`, or `auto`, which measures candidates."
    )
    trainable_from: str | None = Field(
        None, description="First trainable stage, for the strategy `partial`."
    )
    weights: str | None = Field(
        None, description="Pretrained weights, or `none`, which trains from random values."
    )
    preset: Preset | None = Field(None, description="Gives the fields that are left out.")
    epochs: int | None = Field(None, ge=1, description="Number of epochs.")
    time_budget_seconds: float | None = Field(
        None,
        ge=30,
        description="Seconds that the job may take, with the architecture or strategy `auto`.",
    )
    batch_size: int | None = Field(None, ge=1, description="Images per step.")
    input_size: int | None = Field(None, ge=1, description="Side of the images in pixels.")
    seed: int | None = Field(None, ge=0, description="Seed of everything that is random.")
    further_fields: dict[str, Any] = Field(
        default_factory=dict,
        description="Other fields of `POST /jobs`, such as `optimizer`, `augmentation`, "
        "`early_stopping` or `metadata`; null switches a thing off.",
    )

    @model_validator(mode="after")
    def _require_no_repetition(self) -> "TrainingOptions":
        own = {*type(self).model_fields, "dataset_id"}
        repeated = sorted(own & self.further_fields.keys())
        if repeated:
            raise ValueError(f"`further_fields` has `{repeated[0]}`; give it in its own place.")
        return self

    def to_fields(self) -> dict[str, Any]:
        """Return the fields of the request; those that are None are left out."""
        own = self.model_dump(exclude_none=True, exclude={"further_fields"})
        return own | self.further_fields


Options = Annotated[
    TrainingOptions,
    Field(description="Fields of the job; `get_advice` recommends some. Empty is fine."),
]
