"""A study as it is shown."""

from typing import Literal

from pydantic import Field

from app.jobs.states import Status
from app.recipes.schemas import DATASET_ID, JOB_ID
from app.studies.request_schemas import BASE_EXAMPLE, Changes, Search
from app.web.schemas import ApiModel, UtcTime

STUDY_ID = "study_01k0w1rhzf2d8h4m6q0t3v5x"


class RunView(ApiModel):
    """One job of a study."""

    job_id: str = Field(description="The job.", examples=[JOB_ID])
    seed: int = Field(description="Its seed.", examples=[0])
    status: Status = Field(description="The job's.")
    is_pruned: bool = Field(
        description="Whether it was given up because it fell behind.", examples=[False]
    )
    best_epoch: int | None = Field(
        description="The best so far; 0 while no epoch beats the solved head it began with.",
        examples=[7],
    )
    best_val_accuracy: float | None = Field(
        description="After its best epoch, 0 to 1.", examples=[0.935]
    )
    last_val_accuracy: float | None = Field(
        description="After its last epoch, 0 to 1; of an exactly solved head the chosen one's.",
        examples=[0.928],
    )


class Interval(ApiModel):
    """A 95 % interval, 0 to 1."""

    low: float = Field(description="Its lower end.", examples=[0.871])
    high: float = Field(description="Its upper end.", examples=[0.961])
    method: Literal["t_over_runs", "wilson_over_images"] = Field(
        description="What it counts: `t_over_runs`, how much the runs of several seeds differ "
        "(Student, 1908); `wilson_over_images`, how few images validate (Wilson, 1927). The wider "
        "of the two that can be had."
    )


class Score(ApiModel):
    """An accuracy over the runs of a configuration."""

    mean: float = Field(description="Over the runs, 0 to 1.", examples=[0.928])
    interval: Interval | None = Field(description="Null where it cannot be known.")
    num_runs: int = Field(description="How many runs count.", examples=[3])


class RankedConfiguration(ApiModel):
    """A configuration, and how it did."""

    rank: int | None = Field(
        description="From 1, by mean best accuracy; null before its first epoch.", examples=[1]
    )
    trial: int = Field(description="Its number within the study, from 1.", examples=[2])
    name: str = Field(description="Yours, or what was drawn.", examples=["pretrained"])
    changes: Changes = Field(
        description="What it changes about `base`.", examples=[{"strategy": "scratch"}]
    )
    best_val_accuracy: Score | None = Field(
        description="At each run's best epoch, which is the one registered. Chosen on the same "
        "images, hence a little too good."
    )
    last_val_accuracy: Score | None = Field(description="After each run's last epoch.")
    is_tied_with_best: bool | None = Field(
        description="Whether the first one's lead is no more than noise: the 95 % interval of the "
        "difference reaches 0 (Newcombe, 1998). Null where it cannot be known.",
        examples=[True],
    )
    runs: list[RunView] = Field(description="Its jobs, by seed.")


class StudyProgress(ApiModel):
    """How many jobs of the study are in which state."""

    runs: int = Field(description="All of them.", examples=[6])
    queued: int = Field(0, description="Not begun.")
    running: int = Field(0, description="Begun, those being cancelled included.")
    succeeded: int = Field(0, description="Ended with a model.")
    failed: int = Field(0, description="Ended with an error.")
    cancelled: int = Field(0, description="Given up, by a user or because they fell behind.")


class StudySummary(ApiModel):
    """A study without its figures."""

    id: str = Field(description="Sorts by time of creation.", examples=[STUDY_ID])
    name: str = Field(description="How it is called.", examples=["pretrained-against-scratch"])
    status: Literal["running", "finished"] = Field(
        description="`finished` once no job of it is left to be done."
    )
    is_terminal: bool = Field(
        description="Whether it is finished (unless a job is resumed).", examples=[False]
    )
    dataset_id: str = Field(description="What is learned from.", examples=[DATASET_ID])
    base: Changes = Field(description="What all runs share.", examples=[BASE_EXAMPLE])
    seeds: list[int] = Field(description="Each configuration's.", examples=[[0, 1, 2]])
    search: Search | None = Field(
        description="Where the configurations were drawn from; null: they were given."
    )
    progress: StudyProgress
    metadata: dict[str, str] = Field(description="Your own pairs.", examples=[{"team": "ants"}])
    created_at: UtcTime = Field(description="When it was posted.")
    finished_at: UtcTime | None = Field(description="When its last job ended.")


class StudyView(StudySummary):
    """A study and its configurations, best first."""

    ranking: list[RankedConfiguration] = Field(
        description="Ordered by mean best validation accuracy. Runs that failed or were cancelled "
        "or pruned do not count where a configuration has others; one that has none stands behind "
        "the rest."
    )
