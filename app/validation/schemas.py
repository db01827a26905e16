"""What POST /jobs/validate answers."""

from pydantic import Field

from app.recipes.schemas import JobConfig
from app.validation.dry_run_schemas import DryRun
from app.web.schemas import ApiModel


class MemoryEstimate(ApiModel):
    """Bytes that are certain before the first batch; activations come on top."""

    parameter_bytes: int = Field(description="The model's weights.", examples=[2945800])
    gradient_bytes: int = Field(description="One a trainable weight.", examples=[4104])
    optimizer_bytes: int = Field(description="The optimizer's own state.", examples=[8208])


class ValidationProblem(ApiModel):
    """Why POST /jobs would refuse."""

    code: str = Field(description="Stable, for programs.", examples=["WEIGHTS_UNAVAILABLE"])
    message: str = Field(
        description="What is wrong.", examples=["There is no architecture 'resnet999'."]
    )
    loc: list[str | int] | None = Field(
        None, description="The field at fault.", examples=[["body", "architecture"]]
    )
    allowed: list[str] | None = Field(
        None, description="What would be right.", examples=[["resnet18", "alexnet"]]
    )


class Validation(ApiModel):
    """What POST /jobs would do and what that would cost."""

    is_valid: bool = Field(description="Whether it would be accepted now.", examples=[True])
    config: JobConfig | None = Field(description="Null where problems leave it undecided.")
    num_parameters: int | None = Field(
        description="Of the model with its new head.", examples=[736450]
    )
    num_trainable_parameters: int | None = Field(
        description="What the optimizer is given.", examples=[1026]
    )
    memory: MemoryEstimate | None = Field(description="What is certain of the memory needed.")
    estimated_seconds: float | None = Field(
        description="From epochs measured here on the same architecture, strategy and input size; "
        "null where there are none.",
        examples=[120.5],
    )
    measured: DryRun | None = Field(
        description="One batch, run by a worker: null while it is waited for (202), where problems "
        "or an `auto` leave open what would run, and while the dataset is still ingesting."
    )
    problems: list[ValidationProblem] = Field(description="All that were found.", examples=[[]])
