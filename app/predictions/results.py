"""Results of predictions, as plain Python types."""

from dataclasses import dataclass
from typing import NamedTuple

from app.errors import InputError


class ClassScore(NamedTuple):
    """A class with its probability, and its raw logit if the request asked for it."""

    label: str
    probability: float
    logit: float | None


class PredictionSet(NamedTuple):
    """Labels that include the image's class for the given share of images (conformal)."""

    coverage: float
    labels: list[str]

    @property
    def abstained(self) -> bool:
        """More than one label is possible."""
        return len(self.labels) > 1


class Novelty(NamedTuple):
    """Out-of-distribution score: the distance of an image from the training images.

    95 % of images like the validation images lie within the limit. limit is None where there were
    too few validation images to estimate it.
    """

    score: float
    limit: float | None

    @property
    def is_novel(self) -> bool | None:
        return None if self.limit is None else self.score > self.limit


class Explanation(NamedTuple):
    """The explained class, and the heat map over the centre crop of the image as a PNG file.

    crop is the side of the centre crop, as a share of the image's shorter side.
    """

    label: str
    heatmap: bytes
    crop: float


@dataclass(frozen=True)
class ImageResult:
    """The result for one image: the most probable classes first, and what else was requested.

    novelty is None for a version without calibration.
    """

    ranking: list[ClassScore]
    prediction_set: PredictionSet | None = None
    novelty: Novelty | None = None
    explanation: Explanation | None = None


class TimedResult(NamedTuple):
    """The result for one image, and the milliseconds that it took."""

    result: ImageResult
    inference_ms: float


class RequestResult(NamedTuple):
    """A model's results for all images of a request in the order sent, errors in their places.

    class_names are in the order of the model's logits.
    """

    name: str
    version: int
    class_names: list[str]
    images: list[TimedResult | InputError]
