"""Studies and their ranking."""

from datetime import datetime
from typing import Any, Literal

from graft_client.resources.base import Resource
from graft_client.resources.jobs import JobStatus


class Interval(Resource):
    """A 95 % interval of an accuracy, 0-1, and the method that computed it."""

    low: float
    high: float
    method: Literal["t_over_runs", "wilson_over_images"]


class Score(Resource):
    """The mean accuracy, 0-1, of a configuration's runs."""

    mean: float
    interval: Interval | None
    num_runs: int


class Run(Resource):
    """One job of a study; accuracies are 0-1."""

    job_id: str
    seed: int
    status: JobStatus
    is_pruned: bool
    best_epoch: int | None
    best_val_accuracy: float | None
    last_val_accuracy: float | None


class RankedConfiguration(Resource):
    """A configuration of a study with its rank, from 1 for the best, and its accuracies."""

    rank: int | None
    trial: int
    name: str
    changes: dict[str, Any]
    best_val_accuracy: Score | None
    last_val_accuracy: Score | None
    is_tied_with_best: bool | None
    runs: list[Run]


class Study(Resource):
    """A study: several configurations and seeds on one dataset, with a ranking."""

    id: str
    name: str
    status: Literal["running", "finished"]
    is_terminal: bool
    dataset_id: str
    seeds: list[int]
    progress: dict[str, int]
    ranking: list[RankedConfiguration]
    created_at: datetime
    finished_at: datetime | None
