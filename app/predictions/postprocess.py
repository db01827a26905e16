"""From a model's scores to what is said of an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from app.errors import NotCalibrated
from app.ml.trust.conformal import choose_labels, find_threshold
from app.ml.trust.novelty import measure_distances
from app.ml.trust.trust_file import Trust


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


def judge(
    logits: Tensor, features: Tensor, class_names: Sequence[str], trust: Trust | None, wish: Wish
) -> Verdict:
    """The verdict on one image from its logits [num_classes] and features [num_features].

    Probabilities are the softmax over all classes of the logits, divided by the temperature where
    one is known; equals stand in the order of the classes. The explanation needs the network, and
    is not made here.
    Raises NotCalibrated where a coverage is asked of a version without trust.
    """
    probabilities = (logits / (trust.temperature if trust else 1.0)).softmax(dim=0)
    order = probabilities.sort(descending=True, stable=True).indices[: wish.top_k].tolist()
    prediction_set = None
    if wish.coverage is not None:
        if trust is None:
            raise NotCalibrated(
                "This version was registered without its calibration, so no set of labels can be "
                "promised a coverage. Train it again: every training measures it at its end."
            )
        chosen = choose_labels(probabilities, find_threshold(trust.conformity, wish.coverage))
        prediction_set = PredictionSet(wish.coverage, [class_names[i] for i in chosen])
    return Verdict(
        [
            Ranked(
                class_names[i], float(probabilities[i]), float(logits[i]) if wish.logits else None
            )
            for i in order
        ],
        prediction_set,
        _measure_novelty(features, trust) if trust else None,
    )


def _measure_novelty(features: Tensor, trust: Trust) -> Novelty:
    distance = measure_distances(features[None], trust.neighbours)
    return Novelty(float(distance), trust.novelty_limit)
