"""Studies on the wire: what is sent, and a study as it is shown."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from app.jobs.schemas import DATASET_ID, JOB_ID
from app.jobs.states import Status
from app.schemas import ApiModel, Metadata, Name, UtcTime

STUDY_ID = "study_01k0w1rhzf2d8h4m6q0t3v5x"
MAX_SEEDS = 30
MAX_CONFIGURATIONS = 200

Method = Literal["grid", "random", "successive_halving"]
Changes = dict[str, Any]


class StudyConfiguration(BaseModel):
    """One configuration: a name, and the fields of a job that differ from `base`."""

    name: str = Field(
        min_length=1,
        max_length=63,
        pattern=r"^[^\x00-\x1f]+$",
        description="How it is called in ranking and picture.",
        examples=["scratch"],
    )

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    @property
    def changes(self) -> Changes:
        """The fields beside the name, as they were sent."""
        return dict(self.model_extra or {})


class Range(ApiModel):
    """Numbers from `low` to `high`, both included."""

    low: float = Field(description="The smallest.", examples=[0.0001])
    high: float = Field(description="The largest.", examples=[0.1])
    log: bool = Field(False, description="Whether their logarithms are equally likely.")
    integer: bool = Field(False, description="Whether only whole numbers are drawn.")

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range must be above 0")
        if self.integer and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("the bounds of an integer range must be whole numbers")
        return self

    @property
    def num_values(self) -> float:
        """How many numbers it has."""
        if self.low == self.high:
            return 1
        return self.high - self.low + 1 if self.integer else float("inf")


Values = Annotated[list[JsonValue], Field(min_length=1, max_length=100)]
FieldPath = Annotated[str, Field(max_length=64, pattern=r"^[a-z_0-9]+(\.[a-z_0-9]+)?$")]


class Search(ApiModel):
    """Which configurations are tried: drawn from a space of fields."""

    method: Method = Field(
        description="`grid`: every combination, or `num_trials` of them by chance. `random`: "
        "`num_trials` drawn independently. `successive_halving`: the same, and a run that falls "
        "behind the others at the same epoch is given up.",
        examples=["random"],
    )
    space: dict[FieldPath, Values | Range] = Field(
        min_length=1,
        max_length=20,
        description="For each field of a job, its values or the range they are drawn from; a dot "
        "leads into a nested object.",
        examples=[
            {
                "optimizer.learning_rate": {"low": 0.0001, "high": 0.1, "log": True},
                "strategy": ["feature_extract", "fine_tune"],
            }
        ],
    )
    num_trials: int | None = Field(
        None,
        ge=1,
        le=MAX_CONFIGURATIONS,
        description="How many configurations; left out with `grid`: all.",
        examples=[10],
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Fixes what is drawn.")
    min_epochs: int = Field(
        1,
        ge=1,
        le=10_000,
        description="The first epoch after which runs are compared; with `successive_halving`.",
    )
    reduction_factor: int = Field(
        3,
        ge=2,
        le=100,
        description="One run of so many goes on after each comparison, and the next comparison is "
        "after so many times the epochs; with `successive_halving`.",
    )

    @model_validator(mode="after")
    def _check_method(self) -> Self:
        if self.method == "grid":
            ranges = [key for key, values in self.space.items() if isinstance(values, Range)]
            if ranges:
                raise ValueError(f"a grid needs lists of values; {', '.join(ranges)}: a range")
        elif self.num_trials is None:
            raise ValueError(f"{self.method} needs num_trials")
        nested = [key for key in self.space if key.partition(".")[0] in self.space and "." in key]
        if nested:
            raise ValueError(f"{', '.join(nested)}: the object it lies in is in the space, too")
        return self


def _list_seeds(seeds: object) -> object:
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        if not 1 <= seeds <= MAX_SEEDS:
            raise ValueError(f"the number of seeds must be 1 to {MAX_SEEDS}")
        return list(range(seeds))
    return seeds


Seeds = Annotated[
    list[Annotated[int, Field(ge=0, lt=2**32)]],
    Field(min_length=1, max_length=MAX_SEEDS),
    BeforeValidator(_list_seeds, json_schema_input_type=int | list[int]),
]

_BASE: dict[str, Any] = {"architecture": "squeezenet1_0", "epochs": 5}


class StudyRequest(ApiModel):
    """Several configurations and seeds over one dataset, each run as a job."""

    dataset_id: str = Field(
        max_length=40,
        description="What all runs learn from; it may still be ingesting.",
        examples=[DATASET_ID],
    )
    name: Name | None = Field(
        None,
        description="How the study is called; left out: like the dataset.",
        examples=["pretrained-against-scratch"],
    )
    base: Changes = Field(
        default_factory=dict,
        description="The fields of POST /jobs that all runs share, `dataset_id` and `seed` aside.",
        examples=[_BASE],
    )
    configurations: list[StudyConfiguration] | None = Field(
        None,
        min_length=1,
        max_length=MAX_CONFIGURATIONS,
        description="What is compared: named changes to `base`. Nested objects merge with those of "
        "`base` while their `name` stays the same; `null` switches a thing off. Either this or "
        "`search`.",
        examples=[[{"name": "pretrained"}, {"name": "scratch", "strategy": "scratch"}]],
    )
    search: Search | None = Field(
        None, description="What is compared, drawn from a space. Either this or `configurations`."
    )
    seeds: Seeds = Field(
        default_factory=lambda: [0],
        description=f"Each configuration is run with each of them; a number n means 0 to n - 1. At "
        f"most {MAX_SEEDS}.",
        examples=[3],
    )
    metadata: Metadata = Field(default_factory=dict)

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        json_schema_extra={
            "examples": [
                {
                    "dataset_id": DATASET_ID,
                    "base": _BASE,
                    "configurations": [
                        {"name": "pretrained"},
                        {"name": "scratch", "strategy": "scratch", "weights": "none"},
                    ],
                    "seeds": 3,
                }
            ]
        },
    )

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        if (self.configurations is None) == (self.search is None):
            raise ValueError("exactly one of configurations and search is needed")
        names = [configuration.name for configuration in self.configurations or ()]
        for problem, found in (
            ("each configuration needs a name of its own", len(set(names)) < len(names)),
            ("each seed may be given once", len(set(self.seeds)) < len(self.seeds)),
            ("text must not contain the character NUL", "\\u0000" in json.dumps(self.base)),
            ("text must not contain the character NUL", "\\u0000" in self._dump_choices()),
        ):
            if found:
                raise ValueError(problem)
        return self

    def _dump_choices(self) -> str:
        return json.dumps(self.model_dump(include={"configurations", "search"}))


class RunView(ApiModel):
    """One job of a study."""

    job_id: str = Field(description="The job.", examples=[JOB_ID])
    seed: int = Field(description="Its seed.", examples=[0])
    status: Status = Field(description="The job's.")
    is_pruned: bool = Field(
        description="Whether it was given up because it fell behind.", examples=[False]
    )
    best_epoch: int | None = Field(description="Its best so far.", examples=[7])
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
    base: Changes = Field(description="What all runs share.", examples=[_BASE])
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
