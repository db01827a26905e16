"""What a child process says to its supervisor: one JSON object a line on standard output.

The supervisor's side of the conversation is standard input: a line with the seconds of silence that
mean it is gone, a line with the child's configuration, then `alive` at every heartbeat and `stop`
to finish after the current epoch. End of
input, or silence, means that the parent is gone: the child ends at once (`worker.parent_watchdog`).
"""

import sys
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.jobs.report_schemas import Report
from app.jobs.schemas import ResolvedTraining


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Started(_Message):
    """The child has resolved its configuration and begins to work."""

    type: Literal["started"] = "started"
    resolved: ResolvedTraining
    environment: dict[str, Any]


class IngestProgress(_Message):
    """How far the check of an upload is: stage is `unpacking` or `checking`."""

    type: Literal["ingest_progress"] = "ingest_progress"
    stage: str
    done: int
    total: int


class TrainProgress(_Message):
    """How far an epoch is; steps count batches of training and validation together.

    Before the first epoch (epoch 0) stage says what is prepared, and after the last what is
    measured; steps count images then.
    """

    type: Literal["train_progress"] = "train_progress"
    stage: str = "training"
    epoch: int
    epochs: int
    step: int
    steps: int
    images_per_second: float | None
    eta_seconds: float | None


class EpochRow(_Message):
    """The metrics of one epoch. is_best: the best up to and including this one."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float | None
    seconds: float
    images_per_second: float
    is_best: bool


class EpochsDone(_Message):
    """Epochs are over, and a checkpoint at the end of the last one is durable.

    One row mostly; short epochs share a checkpoint. state_key holds everything needed to go on;
    best_key is the best epoch's weights so far, which may be an earlier message's.
    """

    type: Literal["epochs_done"] = "epochs_done"
    rows: list[EpochRow] = Field(min_length=1)
    state_key: str
    best_key: str


class Trained(_Message):
    """The job is done: model_key is the complete servable checkpoint of the best epoch.

    best_epoch is 0 where no epoch beats the solved head that the training began with.

    report is what that checkpoint was found to be worth on images it was not trained on, trust_key
    the file of what its confidence is worth.
    """

    type: Literal["trained"] = "trained"
    best_epoch: int
    model_key: str
    model_digest: str
    num_bytes: int
    report: Report | None = None
    trust_key: str | None = None


class Ingested(_Message):
    """The dataset is unpacked and checked; manifest_key lists its images."""

    type: Literal["ingested"] = "ingested"
    manifest_key: str
    digest: str
    class_names: list[str]
    splits: dict[str, Any]
    report: dict[str, Any]


class AnalysisProgress(_Message):
    """The child is still looking for an answer: done of total images have been looked at."""

    type: Literal["analysis_progress"] = "analysis_progress"
    done: int
    total: int


class AnalysisDone(_Message):
    """An analysis has its answer."""

    type: Literal["answered"] = "answered"
    result: dict[str, Any]


class BatchProgress(_Message):
    """How far a batch prediction is: bytes of the archive while `checking`, then images."""

    type: Literal["batch_progress"] = "batch_progress"
    stage: str
    done: int
    total: int


class PartPredicted(_Message):
    """The next lines of a batch's results are durable under part_key."""

    type: Literal["part_predicted"] = "part_predicted"
    part_key: str


class Predicted(_Message):
    """Every image of a batch has its line under results_key, which is durable."""

    type: Literal["predicted"] = "predicted"
    results_key: str
    counts: dict[str, Any]


class Failed(_Message):
    """The child gives up for a reason it can name."""

    type: Literal["failed"] = "failed"
    code: str
    message: str


Message = Annotated[
    Started
    | IngestProgress
    | TrainProgress
    | EpochsDone
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
