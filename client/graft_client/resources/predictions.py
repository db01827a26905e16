"""What models say of images, of one or of many."""

from datetime import datetime
from typing import Literal

from graft_client.resources.base import ErrorReason, Resource
from graft_client.resources.models import ModelVersion


class Prediction(Resource):
    """A class and its probability, 0-1; logit is None unless asked for."""

    label: str
    probability: float
    logit: float | None = None


class LabelSet(Resource):
    """Labels of which one is right for this share of images like those of validation."""

    coverage: float
    labels: list[str]
    abstained: bool


class Novelty(Resource):
    """How unlike the training images an image is; above the limit its label means little."""

    score: float
    limit: float | None
    is_novel: bool | None


class Explanation(Resource):
    """Where the label was seen: a PNG in base64."""

    label: str
    heatmap_png: str


class ImageResult(Resource):
    """What is said of one image, most probable class first; None for what was not asked."""

    predictions: list[Prediction]
    prediction_set: LabelSet | None = None
    novelty: Novelty | None = None
    explanation: Explanation | None = None


class ImagePredictions(ImageResult):
    """What a model says about one image."""

    model: ModelVersion
    inference_ms: float


class BatchProgress(Resource):
    """How far a batch is: images, or bytes of the archive while `checking`."""

    stage: str
    done: int
    total: int


class BatchCounts(Resource):
    """What came of a batch's images."""

    images: int
    failed: int
    per_label: dict[str, int]


class Batch(Resource):
    """Many images predicted by a worker; accuracy, 0-1, is None without labels."""

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
