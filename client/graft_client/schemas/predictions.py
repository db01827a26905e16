"""Predictions for single images and batch predictions."""

from base64 import b64decode
from datetime import datetime
from typing import Literal

from pydantic import Field

from graft_client.schemas.base import ErrorReason, Schema
from graft_client.schemas.models import VersionName


class Prediction(Schema):
    """A class and its probability, 0-1; logit is None unless requested."""

    label: str
    probability: float
    logit: float | None = None


class LabelSet(Schema):
    """A prediction set: it contains the correct label for the share `coverage` of images."""

    coverage: float
    labels: list[str]
    abstained: bool


class Novelty(Schema):
    """The out-of-distribution score; above the limit the label is unreliable."""

    score: float
    limit: float | None
    is_novel: bool | None


class Explanation(Schema):
    """A heat map of the label: a PNG in base64.

    It covers the square in the middle of the image whose side is `crop` times the shorter side.
    """

    label: str
    crop: float
    heatmap_png: str

    @property
    def png(self) -> bytes:
        """The heat map as a PNG file."""
        return b64decode(self.heatmap_png)


class ImageResult(Schema):
    """The predictions for one image, most probable class first; None for parts not requested."""

    predictions: list[Prediction]
    prediction_set: LabelSet | None = None
    novelty: Novelty | None = None
    explanation: Explanation | None = None

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.predictions[0].label

    @property
    def probability(self) -> float:
        """The probability of the most probable class, 0-1."""
        return self.predictions[0].probability


class ImagePredictions(ImageResult):
    """The predictions for one image, with the model that made them.

    inference_ms is the time of the whole request if it had several images. image is the file that
    was sent.
    """

    model: VersionName
    inference_ms: float

    image: bytes | None = Field(default=None, exclude=True, repr=False)

    def __repr__(self) -> str:
        ranked = ", ".join(f"{one.label} {one.probability:.3f}" for one in self.predictions)
        return f"<{type(self).__name__} of {self.model.reference}: {ranked}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from graft_client.display.html import prediction_html  # noqa: PLC0415 - only notebooks

        return prediction_html(self, self.image)


class FailedPrediction(Schema):
    """One of several images that could not be read."""

    error: ErrorReason
    model: VersionName

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.error.code}: {self.error.message}>"

    __str__ = __repr__


class BatchLine(Schema):
    """The result for one image of a batch: predictions, or the error that it was rejected with."""

    path: str
    image_id: int | None = None
    label: str | None = None
    predictions: list[Prediction] = Field(default_factory=list)
    prediction_set: LabelSet | None = None
    novelty: Novelty | None = None
    error: ErrorReason | None = None


class BatchOptions(Schema):
    """The options of a batch prediction."""

    top_k: int
    logits: bool
    coverage: float | None


class BatchProgress(Schema):
    """The progress of a batch in images, or in bytes of the archive while `checking`."""

    stage: str
    done: int
    total: int


class BatchCounts(Schema):
    """Counts of a batch's images: all, failed, and by label."""

    images: int
    failed: int
    per_label: dict[str, int]


class BatchFields(Schema):
    """The fields of a batch prediction; accuracy, 0-1, is None without labels."""

    id: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    is_terminal: bool
    model: VersionName
    dataset_id: str | None
    split: Literal["train", "val", "test"] | None
    options: BatchOptions
    progress: BatchProgress
    counts: BatchCounts | None
    accuracy: float | None
    error: ErrorReason | None
    metadata: dict[str, str]
    created_at: datetime
    finished_at: datetime | None

    def __repr__(self) -> str:
        progress = self.progress
        done = f"{progress.done} of {progress.total}"
        return f"<{type(self).__name__} {self.id} {self.status} {self.model.reference}: {done}>"

    __str__ = __repr__
