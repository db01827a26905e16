"""What a caller asks of each image, and what the service answers; imports no torch."""

from dataclasses import dataclass
from typing import NamedTuple

from app.errors import InputError


@dataclass(frozen=True)
class Wish:
    """What a caller wants to know of each image.

    top_k: of how many classes; logits: theirs, too; coverage: the share of images, 0.5 to 0.999,
    whose own class shall be in the set of labels; explain: a map of where the model looked.
    """

    top_k: int = 5
    logits: bool = False
    coverage: float | None = None
    explain: bool = False


class Ranked(NamedTuple):
    """A class, its probability, and what the head gave for it where that was asked for."""

    label: str
    probability: float
    logit: float | None


class PredictionSet(NamedTuple):
    """Labels of which one is the image's own for this share of images like the validation's."""

    coverage: float
    labels: list[str]

    @property
    def abstained(self) -> bool:
        """More than one label is possible."""
        return len(self.labels) > 1


class Novelty(NamedTuple):
    """How far an image lies from the training's; 95 % of images like them lie within the limit.

    limit is None where validation had too few images to tell it.
    """

    score: float
    limit: float | None

    @property
    def is_novel(self) -> bool | None:
        return None if self.limit is None else self.score > self.limit


class Explanation(NamedTuple):
    """The class that is explained, and the picture that shows where it was seen, a PNG file."""

    label: str
    heatmap: bytes


@dataclass(frozen=True)
class Verdict:
    """What is said of one image: the most probable classes first, and what else was asked for.

    novelty is None for a version without trust.
    """

    ranking: list[Ranked]
    prediction_set: PredictionSet | None = None
    novelty: Novelty | None = None
    explanation: Explanation | None = None


class Classified(NamedTuple):
    """What is said of one image, and how long it took to say so."""

    verdict: Verdict
    inference_ms: float


class Outcome(NamedTuple):
    """A model's word on each image, in the order sent: a ranking, or what is wrong with it.

    class_names are in the order of the model's logits.
    """

    name: str
    version: int
    class_names: list[str]
    images: list[Classified | InputError]
