"""Studies and their ranking."""

from datetime import datetime
from typing import Any, Literal

from graft_client.schemas.base import Schema
from graft_client.schemas.jobs import JobStatus


class Interval(Schema):
    """A 95 % interval of an accuracy, 0-1, and the method that computed it."""

    low: float
    high: float
    method: Literal["t_over_runs", "wilson_over_images"]


class Score(Schema):
    """The mean accuracy, 0-1, of a configuration's runs."""

    mean: float
    interval: Interval | None
    num_runs: int


class Run(Schema):
    """One job of a study; accuracies are 0-1."""

    job_id: str
    seed: int
    status: JobStatus
    is_pruned: bool
    best_epoch: int | None
    best_val_accuracy: float | None
    best_val_balanced_accuracy: float | None = None
    last_val_accuracy: float | None


class RankedConfiguration(Schema):
    """A configuration of a study with its rank, from 1 for the best, and its accuracies.

    origin says why an adaptive search chose it, bracket is that of Hyperband, and problem says why
    it cannot be run.
    """

    rank: int | None
    trial: int
    name: str
    changes: dict[str, Any]
    origin: Literal["startup", "model", "random"] | None
    bracket: int | None
    problem: str | None
    best_val_accuracy: Score | None
    best_val_balanced_accuracy: float | None = None
    last_val_accuracy: Score | None
    is_tied_with_best: bool | None
    runs: list[Run]


class Band(Schema):
    """A value over the runs of a configuration: its mean, lowest and highest."""

    mean: float | None
    low: float | None
    high: float | None


class CurvePoint(Schema):
    """The values of a configuration's runs after an epoch; val_accuracy is 0-1."""

    epoch: int
    num_runs: int
    val_accuracy: Band
    val_loss: Band


class ConfigurationCurve(Schema):
    """The curves of a configuration; is_solved says that its rows are L2 strengths."""

    trial: int
    name: str
    rank: int | None
    best_val_accuracy: float | None
    is_solved: bool
    num_epochs: int
    data: list[CurvePoint]


class StudyProgress(Schema):
    """The number of a study's runs, and of those in each status."""

    runs: int
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int


class Search(Schema):
    """How a study chooses its configurations; `space` has values or ranges by field."""

    method: Literal["grid", "random", "successive_halving", "tpe", "hyperband"]
    space: dict[str, Any]
    num_trials: int | None
    num_parallel: int | None
    num_startup_trials: int | None
    seed: int
    min_epochs: int
    reduction_factor: int


class SearchProgress(Schema):
    """How far an adaptive search is, in configurations; message is the status as a sentence."""

    status: Literal[
        "asking", "waiting_for_results", "waiting_for_quota", "last_runs", "finished", "stopped"
    ]
    message: str
    num_trials: int
    num_created: int
    num_running: int
    num_finished: int
    num_invalid: int


class BestSoFar(Schema):
    """The best of a study's first configurations; its accuracy is 0-1."""

    num_trials: int
    trial: int
    best_val_accuracy: float


class FieldImportance(Schema):
    """How much a field of a search space matters for the accuracy, 0-1."""

    field: str
    importance: float


class StudySummary(Schema):
    """A study without its ranking."""

    id: str
    name: str
    status: Literal["running", "finished"]
    is_terminal: bool
    dataset_id: str
    base: dict[str, Any]
    seeds: list[int]
    search: Search | None
    progress: StudyProgress
    search_progress: SearchProgress | None
    metadata: dict[str, str]
    created_at: datetime
    finished_at: datetime | None

    def __repr__(self) -> str:
        done = self.progress.runs - self.progress.queued - self.progress.running
        runs = f"{done} of {self.progress.runs} runs ended"
        return f"<{type(self).__name__} {self.id} '{self.name}' {self.status}: {runs}>"

    __str__ = __repr__


class StudyFields(StudySummary):
    """The fields of a study: several configurations and seeds on one dataset, with a ranking."""

    ranking: list[RankedConfiguration]
    best_so_far: list[BestSoFar]
