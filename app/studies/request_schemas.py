"""Schemas of a study's request: base, configurations or search, seeds."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    model_validator,
)

from app.recipes.schemas import DATASET_ID
from app.web.schemas import Metadata, Name, RequestModel

MAX_SEEDS = 30
MAX_CONFIGURATIONS = 200

Method = Literal["grid", "random", "successive_halving", "tpe", "hyperband"]
ADAPTIVE: frozenset[Method] = frozenset({"tpe", "hyperband"})
"""Methods that ask for one trial after the other, each with the results so far."""

DEFAULT_PARALLEL = 2
MAX_STARTUP_TRIALS = 10
Changes = dict[str, Any]


class StudyConfiguration(BaseModel):
    """A configuration: a name, and the job fields that differ from `base`."""

    name: str = Field(
        min_length=1,
        max_length=63,
        pattern=r"^[^\x00-\x1f]+$",
        description="Name in the ranking and the chart.",
        examples=["scratch"],
    )

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, strict=True)

    @property
    def changes(self) -> Changes:
        """The fields other than the name, as they were sent."""
        return dict(self.model_extra or {})


class Range(RequestModel):
    """A range of numbers from `low` to `high`, both included."""

    low: float = Field(ge=-1e9, le=1e9, description="Smallest value.", examples=[0.0001])
    high: float = Field(ge=-1e9, le=1e9, description="Largest value.", examples=[0.1])
    log: bool = Field(False, description="Whether values are drawn on a logarithmic scale.")
    integer: bool = Field(False, description="Whether only integers are drawn.")

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low is {self.low:g}; it must not be above high, {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low:g}; a logarithmic range must be above 0")
        if self.integer and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("low and high of an integer range must be integers")
        return self

    @property
    def num_values(self) -> float:
        """The number of values in the range; infinite for real numbers."""
        if self.low == self.high:
            return 1
        return self.high - self.low + 1 if self.integer else float("inf")


Values = Annotated[list[JsonValue], Field(min_length=1, max_length=100)]


def _tag_choices(choices: object) -> str | None:
    if isinstance(choices, list):
        return "values"
    return "range" if isinstance(choices, dict | Range) else None


Choices = Annotated[
    Annotated[Values, Tag("values")] | Annotated[Range, Tag("range")],
    Discriminator(
        _tag_choices,
        custom_error_type="values_or_range",
        custom_error_message="Input should be a list of values, or a range: an object with `low` "
        "and `high`",
    ),
]
FieldPath = Annotated[str, Field(max_length=64, pattern=r"^[a-z_0-9]+(\.[a-z_0-9]+)?$")]


class Search(RequestModel):
    """A search: configurations chosen from a search space."""

    method: Method = Field(
        description="`grid`: every combination, or a random choice of `num_trials` combinations. "
        "`random`: `num_trials` random configurations. `successive_halving`: like `random`, and "
        "runs that are worse than others at the same epoch are stopped early. `tpe`: chooses each "
        "configuration by the results so far (tree-structured Parzen estimator). `hyperband`: "
        "like `tpe`, and stops runs early in several brackets of successive halving, which begin "
        "to compare at different epochs (BOHB).",
        examples=["random"],
    )
    space: dict[FieldPath, Choices] = Field(
        min_length=1,
        max_length=20,
        description="Search space: for each job field a list of values or a range; a dot separates "
        "the names of nested fields.",
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
        description="Number of configurations; left out with `grid`: all. `tpe` and `hyperband` "
        "end earlier if the space has fewer.",
        examples=[10],
    )
    num_parallel: int | None = Field(
        None,
        ge=1,
        le=50,
        description="With `tpe` and `hyperband`: number of configurations that run or wait at the "
        "same time; fewer wait for more results before each choice. Left out: "
        f"{DEFAULT_PARALLEL}.",
        examples=[DEFAULT_PARALLEL],
    )
    num_startup_trials: int | None = Field(
        None,
        ge=1,
        le=MAX_CONFIGURATIONS,
        description="With `tpe` and `hyperband`: configurations are drawn at random until so many "
        "have results; then the model chooses. Left out: a third of `num_trials`, at most "
        f"{MAX_STARTUP_TRIALS}.",
        examples=[4],
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of the random choice.")
    min_epochs: int = Field(
        1,
        ge=1,
        le=10_000,
        description="With `successive_halving` and `hyperband`: epoch of the first rung, at which "
        "runs are first compared.",
    )
    reduction_factor: int = Field(
        3,
        ge=2,
        le=100,
        description="With `successive_halving` and `hyperband`: one of `reduction_factor` runs "
        "continues after each rung, and the next rung has `reduction_factor` times the epochs.",
    )

    @model_validator(mode="after")
    def _check_method(self) -> Self:
        if self.method == "grid":
            ranges = [key for key, values in self.space.items() if isinstance(values, Range)]
            if ranges:
                raise ValueError(
                    f"a grid needs lists of values, not ranges; change {', '.join(ranges)}"
                )
        elif self.num_trials is None:
            raise ValueError(f"num_trials is missing; {self.method} needs it")
        nested = [key for key in self.space if key.partition(".")[0] in self.space and "." in key]
        if nested:
            raise ValueError(
                f"the space has {', '.join(nested)} and also the object that contains it; remove "
                "one of them"
            )
        self._complete_adaptive_fields()
        return self

    def _complete_adaptive_fields(self) -> None:
        """Set the defaults of `tpe` and `hyperband`; refuse their fields for other methods."""
        if self.method in ADAPTIVE:
            num_trials = self.num_trials or 1
            self.num_parallel = self.num_parallel or DEFAULT_PARALLEL
            third = min(-(-num_trials // 3), MAX_STARTUP_TRIALS)
            self.num_startup_trials = self.num_startup_trials or third
            return
        for field in ("num_parallel", "num_startup_trials"):
            if getattr(self, field) is not None:
                raise ValueError(
                    f"{field} is for the methods {' and '.join(sorted(ADAPTIVE))}, not for "
                    f"{self.method}; leave it out"
                )


def find_max_epochs(base: Changes, search: Search) -> int:
    """Return the largest number of epochs of a run; raises ValueError if it is not known."""
    choices = search.space.get("epochs", [base.get("epochs")])
    epochs = [choices.high] if isinstance(choices, Range) else choices
    numbers = [one for one in epochs if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) < len(epochs):
        raise ValueError(
            "hyperband needs a number of epochs to plan its brackets; set `epochs` in base to a "
            "number, or in the space to numbers"
        )
    return int(max(numbers))


def _list_seeds(seeds: object) -> object:
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        if not 1 <= seeds <= MAX_SEEDS:
            raise ValueError(f"seeds is {seeds}; the number of seeds must be 1 to {MAX_SEEDS}")
        return list(range(seeds))
    return seeds


Seeds = Annotated[
    list[Annotated[int, Field(ge=0, lt=2**32)]],
    Field(min_length=1, max_length=MAX_SEEDS),
    BeforeValidator(_list_seeds, json_schema_input_type=int | list[int]),
]

BASE_EXAMPLE: dict[str, Any] = {"architecture": "squeezenet1_0", "epochs": 5}


class StudyRequest(RequestModel):
    """Request of a study: several configurations and seeds on one dataset, each run as a job."""

    dataset_id: str = Field(
        max_length=40,
        description="The dataset of all runs; it may still be ingesting.",
        examples=[DATASET_ID],
    )
    name: Name | None = Field(
        None,
        description="Name of the study; left out: the dataset's name.",
        examples=["pretrained-against-scratch"],
    )
    base: Changes = Field(
        default_factory=dict,
        description="The fields of POST /jobs that all runs share, without `dataset_id` and "
        "`seed`.",
        examples=[BASE_EXAMPLE],
    )
    configurations: list[StudyConfiguration] | None = Field(
        None,
        min_length=1,
        max_length=MAX_CONFIGURATIONS,
        description="Configurations to compare, as named changes to `base`. Nested objects are "
        "merged with those of `base` if their `name` stays the same; `null` disables a feature. "
        "Either this or `search`.",
        examples=[[{"name": "pretrained"}, {"name": "scratch", "strategy": "scratch"}]],
    )
    search: Search | None = Field(
        None,
        description="Configurations to compare, chosen from a search space. Either this or "
        "`configurations`.",
    )
    seeds: Seeds = Field(
        default_factory=lambda: [0],
        description=f"Seeds; each configuration is run with each of them. A number n means the "
        f"seeds 0 to n - 1. At most {MAX_SEEDS}.",
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
                    "base": BASE_EXAMPLE,
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
            raise ValueError("send exactly one of configurations and search")
        names = [configuration.name for configuration in self.configurations or ()]
        for problem, found in (
            ("the names of configurations must be unique", len(set(names)) < len(names)),
            ("seeds must be unique", len(set(self.seeds)) < len(self.seeds)),
            ("text must not contain the character NUL", "\\u0000" in json.dumps(self.base)),
            ("text must not contain the character NUL", "\\u0000" in self._dump_choices()),
        ):
            if found:
                raise ValueError(problem)
        if self.search is not None and self.search.method == "hyperband":
            epochs = find_max_epochs(self.base, self.search)
            if epochs <= self.search.min_epochs:
                raise ValueError(
                    f"the runs have at most {epochs} epochs; hyperband compares them after "
                    f"min_epochs epochs, {self.search.min_epochs}, so they need more"
                )
        return self

    def _dump_choices(self) -> str:
        return json.dumps(self.model_dump(include={"configurations", "search"}))
