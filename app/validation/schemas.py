"""Response schemas of POST /jobs/validate."""

from pydantic import Field

from app.recipes.schemas import JobConfig
from app.validation.dry_run_schemas import DryRun
from app.web.schemas import ApiModel


class MemoryEstimate(ApiModel):
    """Memory of a training without its activations."""

    parameter_bytes: int = Field(description="Bytes of the model's weights.", examples=[2945800])
    gradient_bytes: int = Field(description="Bytes of the gradients.", examples=[4104])
    optimizer_bytes: int = Field(description="Bytes of the optimizer's state.", examples=[8208])


class ValidationProblem(ApiModel):
    """A reason why POST /jobs would reject the request."""

    code: str = Field(description="Stable error code.", examples=["WEIGHTS_UNAVAILABLE"])
    message: str = Field(
        description="What is wrong.", examples=["There is no architecture 'resnet999'."]
    )
    loc: list[str | int] | None = Field(
        None, description="Location of the field.", examples=[["body", "architecture"]]
    )
    allowed: list[str] | None = Field(
        None, description="Allowed values.", examples=[["resnet18", "alexnet"]]
    )


class Validation(ApiModel):
    """The validation of a job request: its configuration, problems, memory and time."""

    is_valid: bool = Field(
        description="Whether POST /jobs would accept the request now.", examples=[True]
    )
    config: JobConfig | None = Field(
        description="The resolved configuration; null if problems prevent it."
    )
    num_parameters: int | None = Field(
        description="Parameters of the model with its new head, at the architecture's usual input "
        "size.",
        examples=[736450],
    )
    num_trainable_parameters: int | None = Field(
        description="Those of them that are trained.", examples=[1026]
    )
    memory: MemoryEstimate | None = Field(description="Memory without activations.")
    estimated_seconds: float | None = Field(
        description="Estimate from the first epochs of the newest succeeded jobs with the same "
        "architecture, strategy and input size; null without any. With a time budget: the budget.",
        examples=[120.5],
    )
    measured: DryRun | None = Field(
        description="One batch, run by a worker. Null until the worker has run it (202), if the "
        "request has problems or `auto` values, and while the dataset is ingesting."
    )
    problems: list[ValidationProblem] = Field(description="All problems.", examples=[[]])
