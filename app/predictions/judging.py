"""From a model's scores to what is said of an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from app.ml.trust import Trust


@dataclass(frozen=True)
class Wish:
    """What a caller wants to know of each image: how many classes, and what else."""

    top_k: int = 5


class Ranked(NamedTuple):
    """A class and its probability."""

    label: str
    probability: float


@dataclass(frozen=True)
class Verdict:
    """What is said of one image: the most probable classes first."""

    ranking: list[Ranked]


def judge(
    logits: Tensor, features: Tensor, class_names: Sequence[str], trust: Trust | None, wish: Wish
) -> Verdict:
    """The verdict on one image from its logits [num_classes] and features [num_features].

    Probabilities are the softmax over all classes of the logits, divided by the temperature where
    one is known; equals stand in the order of the classes.
    """
    _ = features
    probabilities = (logits / (trust.temperature if trust else 1.0)).softmax(dim=0)
    order = probabilities.sort(descending=True, stable=True).indices[: wish.top_k].tolist()
    return Verdict([Ranked(class_names[i], float(probabilities[i])) for i in order])
