"""Predictions for one image and batch predictions."""

from datetime import datetime
from typing import Literal

from graft_client.resources.base import ErrorReason, Resource
from graft_client.resources.models import ModelVersion


class Prediction(Resource):
    """A class and its probability, 0-1; logit is None unless requested."""

    label: str
    probability: float
    logit: float | None = None


class LabelSet(Resource):
    """A prediction set: it contains the correct label for the share `coverage` of images."""

    coverage: float
    labels: list[str]
    abstained: bool


class Novelty(Resource):
    """The out-of-distribution score; above the limit the label is unreliable."""

    score: float
    limit: float | None
    is_novel: bool | None


class Explanation(Resource):
    """A heat map of the label: a PNG in base64."""

    label: str
    heatmap_png: str


class ImageResult(Resource):
    """The predictions for one image, most probable class first; None for parts not requested."""

    predictions: list[Prediction]
    prediction_set: LabelSet | None = None
    novelty: Novelty | None = None
    explanation: Explanation | None = None


class ImagePredictions(ImageResult):
    """The predictions for one image, with the model that made them."""

    model: ModelVersion
    inference_ms: float


class BatchProgress(Resource):
    """The progress of a batch in images, or in bytes of the archive while `checking`."""

    stage: str
    done: int
    total: int


class BatchCounts(Resource):
    """Counts of a batch's images: all, failed, and by label."""

    images: int
    failed: int
    per_label: dict[str, int]


class Batch(Resource):
    """A batch prediction; accuracy, 0-1, is None without labels."""

    id: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    is_terminal: bool
    model: ModelVersion
    dataset_id: str | None
    progress: BatchProgress
    counts: BatchCounts | None
    accuracy: float | None
    error: ErrorReason | None
    created_at: datetime
    finished_at: datetime | None
