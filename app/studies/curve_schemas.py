"""Response schemas of a study's curves."""

from pydantic import Field

from app.studies.schemas import STUDY_ID
from app.web.schemas import ApiModel


class Band(ApiModel):
    """A metric over the runs of a configuration."""

    mean: float = Field(description="Mean over the runs.", examples=[0.91])
    low: float = Field(description="Lowest of the runs.", examples=[0.89])
    high: float = Field(description="Highest of the runs.", examples=[0.94])


class CurvePoint(ApiModel):
    """One epoch of a configuration."""

    epoch: int = Field(description="Epoch, from 1.", examples=[1])
    num_runs: int = Field(description="Runs that have finished this epoch.", examples=[3])
    val_accuracy: Band = Field(description="Validation accuracy, 0 to 1.")
    val_loss: Band = Field(description="Validation loss: mean cross-entropy per image.")


class ConfigurationCurve(ApiModel):
    """The curve of one configuration."""

    trial: int = Field(description="Number within the study, from 1.", examples=[2])
    name: str = Field(description="Name of the configuration.", examples=["pretrained"])
    rank: int | None = Field(
        description="Rank from 1, by mean best accuracy; null before its first epoch.",
        examples=[1],
    )
    best_val_accuracy: float | None = Field(
        description="Mean of the runs' best validation accuracy, 0 to 1; null before the first "
        "epoch.",
        examples=[0.928],
    )
    is_solved: bool = Field(
        description="Whether it uses `lbfgs`. It has no epochs then, and `data` is empty: draw "
        "`best_val_accuracy` as a line.",
        examples=[False],
    )
    num_epochs: int = Field(
        description="Number of epochs with a finished run, those left out by `points` included.",
        examples=[15],
    )
    data: list[CurvePoint] = Field(
        description="One row for each epoch; with `points` some of them."
    )


class StudyCurves(ApiModel):
    """The curves of a study's configurations."""

    study_id: str = Field(description="The study.", examples=[STUDY_ID])
    data: list[ConfigurationCurve] = Field(description="Configurations, in the ranking's order.")
