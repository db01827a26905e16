"""The messages of a child process to its supervisor: one JSON object per line of standard output.

The supervisor writes to standard input: a line with a timeout in seconds, a line with the child's
configuration, then `alive` at every heartbeat, and `stop` to finish after the current epoch. The
child exits at the end of its input, or after the timeout without a line (`worker.parent_watchdog`).
"""

import sys
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.jobs.portfolio_schemas import Portfolio
from app.jobs.report_schemas import Report
from app.jobs.schemas import ResolvedTraining
from app.ml.recipe import Recipe


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Started(_Message):
    """The child has resolved its configuration and starts training."""

    type: Literal["started"] = "started"
    resolved: ResolvedTraining
    environment: dict[str, Any]


class IngestProgress(_Message):
    """The progress of an ingestion; stage is `unpacking` or `checking`."""

    type: Literal["ingest_progress"] = "ingest_progress"
    stage: str
    done: int
    total: int


class TrainProgress(_Message):
    """The progress of a training; steps count batches of training and validation together.

    Before the first epoch (epoch 0) and after the last, stage names the current step of preparation
    or evaluation, and steps count images. epochs is None while a search has not decided them.
    """

    type: Literal["train_progress"] = "train_progress"
    stage: str = "training"
    epoch: int
    epochs: int | None
    step: int
    steps: int
    images_per_second: float | None
    eta_seconds: float | None
    budget_used_seconds: float | None = None


class EpochRow(_Message):
    """The metrics of one epoch; is_best compares it with all epochs before it."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_balanced_accuracy: float | None = None
    learning_rate: float | None
    seconds: float
    images_per_second: float
    is_best: bool


class EpochsDone(_Message):
    """Epochs are finished, and a checkpoint at the end of the last one is durable.

    Usually one row; several short epochs share a checkpoint. state_key is the state to resume from;
    best_key is the weights of the best epoch so far, which may be those of an earlier message.
    """

    type: Literal["epochs_done"] = "epochs_done"
    rows: list[EpochRow] = Field(min_length=1)
    state_key: str
    best_key: str


class PortfolioChanged(_Message):
    """A job with a time budget has something new; settled is a candidate's index, if it is one."""

    type: Literal["portfolio_changed"] = "portfolio_changed"
    portfolio: Portfolio
    settled: int | None = None


class Decided(_Message):
    """A job with a time budget has decided its recipe, and trains it from here on."""

    type: Literal["decided"] = "decided"
    recipe: Recipe
    portfolio: Portfolio


class Trained(_Message):
    """The training is finished; model_key is the servable checkpoint of the best epoch.

    best_epoch is 0 if no epoch is better than the solved head from which the training started.
    report is the checkpoint's evaluation on images that it was not trained on; trust_key is its
    trust file; predictions_key is the file with its predictions of these images.
    """

    type: Literal["trained"] = "trained"
    best_epoch: int
    model_key: str
    model_digest: str
    num_bytes: int
    report: Report | None = None
    trust_key: str | None = None
    predictions_key: str | None = None


class Ingested(_Message):
    """The dataset is unpacked and checked; manifest_key is the file that lists its images."""

    type: Literal["ingested"] = "ingested"
    manifest_key: str
    digest: str
    class_names: list[str]
    splits: dict[str, Any]
    report: dict[str, Any]


class AnalysisProgress(_Message):
    """The progress of an analysis, in images."""

    type: Literal["analysis_progress"] = "analysis_progress"
    done: int
    total: int


class AnalysisDone(_Message):
    """An analysis is finished."""

    type: Literal["answered"] = "answered"
    result: dict[str, Any]


class BatchProgress(_Message):
    """The progress of a batch prediction: bytes of the archive while `checking`, then images."""

    type: Literal["batch_progress"] = "batch_progress"
    stage: str
    done: int
    total: int


class PartPredicted(_Message):
    """The next lines of a batch's results are stored under part_key."""

    type: Literal["part_predicted"] = "part_predicted"
    part_key: str


class Predicted(_Message):
    """A batch prediction is finished; its results are stored under results_key."""

    type: Literal["predicted"] = "predicted"
    results_key: str
    counts: dict[str, Any]


class Failed(_Message):
    """The child has failed with an error code."""

    type: Literal["failed"] = "failed"
    code: str
    message: str


Message = Annotated[
    Started
    | IngestProgress
    | TrainProgress
    | EpochsDone
    | PortfolioChanged
    | Decided
    | Trained
    | Ingested
    | AnalysisProgress
    | BatchProgress
    | PartPredicted
    | Predicted
    | AnalysisDone
    | Failed,
    Field(discriminator="type"),
]

_parser: TypeAdapter[Message] = TypeAdapter(Message)


def send(message: Message) -> None:
    """Send one message to the supervisor."""
    sys.stdout.write(message.model_dump_json() + "\n")
    sys.stdout.flush()


def parse_line(line: str) -> Message:
    """Read one message; raises pydantic.ValidationError for anything else."""
    return _parser.validate_json(line)
