"""What the service answers, as typed values; fields that are not listed here are kept out."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

JobStatus = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]


class _Resource(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class ErrorReason(_Resource):
    """Why a dataset is invalid or a job failed."""

    code: str
    message: str


class Split(_Resource):
    """How many images a split has."""

    num_images: int
    per_class: dict[str, int]


class Dataset(_Resource):
    """An uploaded dataset."""

    id: str
    name: str
    status: Literal["ingesting", "ready", "invalid"]
    error: ErrorReason | None
    class_names: list[str]
    splits: dict[str, Split]
    report: dict[str, Any]
    digest: str | None


class DatasetImage(_Resource):
    """An image of a dataset."""

    id: int
    split: Literal["train", "val", "test"]
    class_name: str
    path: str


class Progress(_Resource):
    """How far a job is: the epoch at work, and the batches done within it.

    epochs is null while that is `auto`.
    """

    epoch: int
    epochs: int | None
    step: int
    steps: int
    images_per_second: float | None = None
    eta_seconds: float | None = None


class BestEpoch(_Resource):
    """The epoch that the model is taken from; val_accuracy is 0-1."""

    epoch: int
    val_accuracy: float
    val_loss: float


class Share(_Resource):
    """A share of images, 0-1, and its 95 % interval."""

    value: float
    low: float
    high: float


class Advice(_Resource):
    """How to train on a dataset; measurements holds the figures behind it."""

    architecture: str
    strategy: str
    trainable_from: str | None
    stage: str | None
    expected_accuracy: Share
    expected_seconds: float
    reason: str
    measurements: dict[str, Any]


class DryRun(_Resource):
    """What a batch of a job took; figures are null where not even one image fits."""

    device: str
    fits: bool
    fitting_batch_size: int | None
    train_seconds_per_image: float | None
    eval_seconds_per_image: float | None
    peak_memory_bytes: int | None
    available_memory_bytes: int
    estimated_seconds: float | None


class JobProblem(_Resource):
    """Why a job would be refused."""

    code: str
    message: str
    loc: list[str | int] | None
    allowed: list[str] | None


class Validation(_Resource):
    """What a job would do; measured is null where its configuration leaves open what would run."""

    is_valid: bool
    config: dict[str, Any] | None
    num_parameters: int | None
    num_trainable_parameters: int | None
    estimated_seconds: float | None
    measured: DryRun | None
    problems: list[JobProblem]


class ModelVersion(_Resource):
    """A servable model."""

    name: str
    version: int

    @property
    def reference(self) -> str:
        """The reference that means this very version."""
        return f"{self.name}:{self.version}"


class Job(_Resource):
    """A training job."""

    id: str
    status: JobStatus
    is_terminal: bool
    dataset_id: str
    config: dict[str, Any]
    attempts: int
    progress: Progress
    best: BestEpoch | None
    error: ErrorReason | None
    model: ModelVersion | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Epoch(_Resource):
    """One row of a job's history; accuracies are 0-1, losses in nats an image."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float | None
    seconds: float
    images_per_second: float
    is_best: bool


class Interval(_Resource):
    """A 95 % interval of an accuracy, 0-1, and what it counts."""

    low: float
    high: float
    method: Literal["t_over_runs", "wilson_over_images"]


class Score(_Resource):
    """An accuracy over the runs of a configuration, 0-1."""

    mean: float
    interval: Interval | None
    num_runs: int


class Run(_Resource):
    """One job of a study; accuracies are 0-1."""

    job_id: str
    seed: int
    status: JobStatus
    is_pruned: bool
    best_epoch: int | None
    best_val_accuracy: float | None
    last_val_accuracy: float | None


class RankedConfiguration(_Resource):
    """A configuration of a study, and how it did; rank 1 is the best."""

    rank: int | None
    trial: int
    name: str
    changes: dict[str, Any]
    best_val_accuracy: Score | None
    last_val_accuracy: Score | None
    is_tied_with_best: bool | None
    runs: list[Run]


class Study(_Resource):
    """Several configurations and seeds over one dataset, best first."""

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


class ClassFigures(_Resource):
    """How a model does on one class, 0-1; None where a figure would be 0/0."""

    class_name: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


class SplitFigures(_Resource):
    """How a model does on a split; rows of the confusion matrix are true classes."""

    num_images: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    per_class: list[ClassFigures]
    confusion_matrix: list[list[int]]


class Calibration(_Resource):
    """How far confidence can be believed: errors are 0-1, before and after the temperature."""

    temperature: float
    error_before: float
    error_after: float | None


class Mistake(_Resource):
    """A validation image that the model took for another class."""

    image_id: int
    path: str
    label: str
    predicted: str
    probability: float


class SuspectLabel(_Resource):
    """A training image that looks like another class than its own."""

    image_id: int
    path: str
    label: str
    suggested_label: str
    probability: float


class LabelCheck(_Resource):
    """The training images that may be labelled wrongly; None where none could be judged."""

    num_images: int
    num_suspects: int
    suspects: list[SuspectLabel] | None
    reason: str | None


class Report(SplitFigures):
    """What a job's model is worth; the figures at the top are of the validation split."""

    job_id: str
    class_names: list[str]
    test: SplitFigures | None
    calibration: Calibration
    mistakes: list[Mistake]
    label_check: LabelCheck


class JobEvent(_Resource):
    """Something that happened to a job, numbered from 1 without gaps."""

    event_number: int
    type: str
    payload: dict[str, Any]


class Weights(_Resource):
    """Pretrained weights of an architecture."""

    name: str
    availability: Literal["local", "download", "unavailable"]


class Architecture(_Resource):
    """A network that the service can train."""

    name: str
    input_size: int
    num_parameters: int
    weights: list[Weights]


class Prediction(_Resource):
    """A class and its probability, 0-1."""

    label: str
    probability: float


class ImagePredictions(_Resource):
    """What a model says about one image, most probable class first."""

    model: ModelVersion
    predictions: list[Prediction]
    inference_ms: float


class ChosenModel(_Resource):
    """The model that predicts where none is named."""

    model: str
    resolved: ModelVersion
