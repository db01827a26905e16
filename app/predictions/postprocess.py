"""From a model's scores to what is said of an image."""

from collections.abc import Sequence

from torch import Tensor

from app.errors import NotCalibrated
from app.ml.trust.conformal import choose_labels, find_threshold
from app.ml.trust.novelty import measure_distances
from app.ml.trust.trust_file import Trust
from app.predictions.results import Novelty, PredictionSet, Ranked, Verdict, Wish


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
