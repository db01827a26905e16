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
    last_val_accuracy: float | None


class RankedConfiguration(Schema):
    """A configuration of a study with its rank, from 1 for the best, and its accuracies."""

    rank: int | None
    trial: int
    name: str
    changes: dict[str, Any]
    best_val_accuracy: Score | None
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
    """How a study draws its configurations; `space` has values or ranges by field."""

    method: Literal["grid", "random", "successive_halving"]
    space: dict[str, Any]
    num_trials: int | None
    seed: int
    min_epochs: int
    reduction_factor: int


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
