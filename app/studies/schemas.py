"""Response schemas of studies and their ranking."""

from typing import Literal

from pydantic import Field

from app.jobs.states import Status
from app.recipes.schemas import DATASET_ID, JOB_ID
from app.studies.request_schemas import BASE_EXAMPLE, Changes, Search
from app.web.schemas import ApiModel, UtcTime

STUDY_ID = "study_01k0w1rhzf2d8h4m6q0t3v5x"


class RunView(ApiModel):
    """A run of a study: one job."""

    job_id: str = Field(description="The job.", examples=[JOB_ID])
    seed: int = Field(description="Seed of the job.", examples=[0])
    status: Status = Field(description="Status of the job.")
    is_pruned: bool = Field(
        description="Whether successive halving stopped it early.", examples=[False]
    )
    best_epoch: int | None = Field(
        description="Best epoch so far; 0 while no epoch is better than the solved head that the "
        "training began with.",
        examples=[7],
    )
    best_val_accuracy: float | None = Field(
        description="Validation accuracy after the best epoch, 0 to 1.", examples=[0.935]
    )
    last_val_accuracy: float | None = Field(
        description="Validation accuracy after the last epoch, 0 to 1; with `lbfgs` that of the "
        "chosen L2 strength.",
        examples=[0.928],
    )


class Interval(ApiModel):
    """A 95 % interval, 0 to 1."""

    low: float = Field(description="Lower end.", examples=[0.871])
    high: float = Field(description="Upper end.", examples=[0.961])
    method: Literal["t_over_runs", "wilson_over_images"] = Field(
        description="Method: `t_over_runs` by the differences between the runs (Student, 1908), "
        "`wilson_over_images` by the number of validation images (Wilson, 1927). The wider "
        "interval is used."
    )


class Score(ApiModel):
    """The mean accuracy of a configuration's runs."""

    mean: float = Field(description="Mean over the runs, 0 to 1.", examples=[0.928])
    interval: Interval | None = Field(
        description="Interval of the mean; null for a single run with an unknown number of images."
    )
    num_runs: int = Field(description="Number of runs in the mean.", examples=[3])


class RankedConfiguration(ApiModel):
    """A configuration with its rank and accuracies."""

    rank: int | None = Field(
        description="Rank from 1, by mean best accuracy; null before its first epoch.",
        examples=[1],
    )
    trial: int = Field(description="Number within the study, from 1.", examples=[2])
    name: str = Field(
        description="Name as sent with the request, or made from the drawn values.",
        examples=["pretrained"],
    )
    changes: Changes = Field(description="Changes to `base`.", examples=[{"strategy": "scratch"}])
    best_val_accuracy: Score | None = Field(
        description="Validation accuracy at each run's best epoch, which is registered. It is "
        "slightly optimistic, because the epoch is chosen on the same images."
    )
    last_val_accuracy: Score | None = Field(
        description="Validation accuracy after each run's last epoch."
    )
    is_tied_with_best: bool | None = Field(
        description="Whether the difference to the best configuration is not significant: its 95 % "
        "interval contains 0 (Newcombe, 1998). Null without intervals.",
        examples=[True],
    )
    runs: list[RunView] = Field(description="Jobs of the configuration, by seed.")


class StudyProgress(ApiModel):
    """Number of the study's jobs in each state."""

    runs: int = Field(description="All jobs.", examples=[6])
    queued: int = Field(0, description="Jobs that have not started.")
    running: int = Field(0, description="Jobs that are running or being cancelled.")
    succeeded: int = Field(0, description="Jobs that have registered a model.")
    failed: int = Field(0, description="Jobs that ended with an error.")
    cancelled: int = Field(
        0, description="Jobs that were cancelled by a user or stopped by successive halving."
    )


class StudySummary(ApiModel):
    """A study without its ranking."""

    id: str = Field(description="Id; ids sort by time of creation.", examples=[STUDY_ID])
    name: str = Field(description="Name of the study.", examples=["pretrained-against-scratch"])
    status: Literal["running", "finished"] = Field(
        description="`finished` once all jobs have ended."
    )
    is_terminal: bool = Field(
        description="Whether it is finished (unless a job is resumed).", examples=[False]
    )
    dataset_id: str = Field(description="Dataset of the study.", examples=[DATASET_ID])
    base: Changes = Field(description="Job fields that all runs share.", examples=[BASE_EXAMPLE])
    seeds: list[int] = Field(description="Seeds of each configuration.", examples=[[0, 1, 2]])
    search: Search | None = Field(
        description="Search that drew the configurations; null if the request listed them."
    )
    progress: StudyProgress
    metadata: dict[str, str] = Field(
        description="Metadata as sent with the request.", examples=[{"team": "ants"}]
    )
    created_at: UtcTime = Field(description="Time of creation.")
    finished_at: UtcTime | None = Field(description="Time at which the last job ended.")


class StudyView(StudySummary):
    """A study with its ranking."""

    ranking: list[RankedConfiguration] = Field(
        description="Configurations by mean best validation accuracy. Runs that failed, were "
        "cancelled or were stopped early count only if the configuration has no other runs; such a "
        "configuration comes after the others."
    )
