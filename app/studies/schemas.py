"""Response schemas of studies and their ranking."""

from typing import Literal

from pydantic import Field

from app.jobs.states import Status
from app.recipes.schemas import DATASET_ID, JOB_ID
from app.studies.request_schemas import BASE_EXAMPLE, Changes, Search
from app.web.schemas import ApiModel, UtcTime

STUDY_ID = "study_01k0w1rhzf2d8h4m6q0t3v5x"


Origin = Literal["startup", "model", "random"]


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
    best_val_balanced_accuracy: float | None = Field(
        description="Balanced validation accuracy after the best epoch, 0 to 1: the mean recall "
        "over the classes with validation images. Null for epochs of earlier versions.",
        examples=[0.931],
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
    origin: Origin | None = Field(
        None,
        description="With `tpe` and `hyperband`, why it was chosen: `startup`: at random, because "
        "too few configurations had results; `model`: by the results so far; `random`: at random, "
        "because the model proposed only configurations that had been tried. Otherwise null.",
        examples=["model"],
    )
    bracket: int | None = Field(
        None,
        description="With `hyperband`, its bracket from 0; bracket 0 begins first to stop runs.",
        examples=[0],
    )
    problem: str | None = Field(
        None,
        description="Why the configuration cannot be run, so that it has no runs; null if it can.",
        examples=["`optimizer.name` is lbfgs, which solves a head only; choose another optimizer."],
    )
    best_val_accuracy: Score | None = Field(
        description="Validation accuracy at each run's best epoch, which is registered. It is "
        "slightly optimistic, because the epoch is chosen on the same images."
    )
    best_val_balanced_accuracy: float | None = Field(
        description="Mean balanced validation accuracy at each run's best epoch, 0 to 1. Null if "
        "one of these runs has none. It does not affect the rank.",
        examples=[0.924],
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


SearchStatus = Literal[
    "asking", "waiting_for_results", "waiting_for_quota", "last_runs", "finished", "stopped"
]


class SearchProgress(ApiModel):
    """How far an adaptive search is, in configurations."""

    status: SearchStatus = Field(
        description="`waiting_for_results`: as many configurations as may run at once are open. "
        "`asking`: a worker asks for the next one. `waiting_for_quota`: the tenant may not queue "
        "more jobs now. `last_runs`: all are chosen, and some still run. `finished`: all have "
        "ended. `stopped`: the search has ended early, and `message` says why.",
        examples=["waiting_for_results"],
    )
    message: str = Field(
        description="The status as a sentence.",
        examples=["Waiting for results of 2 configurations before it asks for the next."],
    )
    num_trials: int = Field(description="Number of configurations to run.", examples=[20])
    num_created: int = Field(description="Configurations chosen so far.", examples=[6])
    num_running: int = Field(description="Of these, with a run that has not ended.", examples=[2])
    num_finished: int = Field(description="Of these, with all runs ended.", examples=[4])
    num_invalid: int = Field(
        description="Further configurations that were chosen but cannot be run; each has a "
        "`problem`.",
        examples=[0],
    )


class BestSoFar(ApiModel):
    """The best configuration among the first ones."""

    num_trials: int = Field(
        description="Number of configurations, in the order in which they were chosen.",
        examples=[3],
    )
    trial: int = Field(description="The best of them.", examples=[2])
    best_val_accuracy: float = Field(
        description="Its mean best validation accuracy, 0 to 1.", examples=[0.935]
    )


class StudySummary(ApiModel):
    """A study without its ranking."""

    id: str = Field(description="Id; ids sort by time of creation.", examples=[STUDY_ID])
    name: str = Field(description="Name of the study.", examples=["pretrained-against-scratch"])
    status: Literal["running", "finished"] = Field(
        description="`finished` once all jobs have ended and the search asks for no more."
    )
    is_terminal: bool = Field(
        description="Whether it is finished (unless a job is resumed).", examples=[False]
    )
    dataset_id: str = Field(description="Dataset of the study.", examples=[DATASET_ID])
    base: Changes = Field(description="Job fields that all runs share.", examples=[BASE_EXAMPLE])
    seeds: list[int] = Field(description="Seeds of each configuration.", examples=[[0, 1, 2]])
    search: Search | None = Field(
        description="Search that chooses the configurations; null if the request listed them."
    )
    progress: StudyProgress
    search_progress: SearchProgress | None = Field(
        description="Progress of a `tpe` or `hyperband` search; otherwise null."
    )
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
    best_so_far: list[BestSoFar] = Field(
        description="The best configuration by number of configurations, in the order in which "
        "they were chosen; only configurations of which a run has succeeded count."
    )


class FieldImportance(ApiModel):
    """How much a field of the search space matters."""

    field: str = Field(
        description="Dotted path of the field.", examples=["optimizer.learning_rate"]
    )
    importance: float = Field(
        description="Its share of the differences in accuracy that the space explains, 0 to 1.",
        examples=[0.83],
    )


class StudyImportance(ApiModel):
    """How much each field of a study's search space matters for the accuracy."""

    study_id: str = Field(description="The study.", examples=[STUDY_ID])
    num_trials: int = Field(
        description="Number of configurations that have finished.", examples=[12]
    )
    data: list[FieldImportance] = Field(
        description="The fields of the space, the most important first; their sum is 1. Empty for "
        "a study without a search, and while fewer than 4 configurations have finished or all are "
        "equally accurate."
    )
