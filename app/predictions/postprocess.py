"""Turn a model's scores into the result for an image."""

from collections.abc import Sequence

from torch import Tensor

from app.errors import NotCalibrated
from app.ml.trust.conformal import choose_labels, find_threshold
from app.ml.trust.novelty import measure_distances
from app.ml.trust.trust_file import Trust
from app.predictions.results import ClassScore, ImageResult, Novelty, PredictionSet
from app.predictions.schemas import PredictOptions


def postprocess(
    logits: Tensor,
    features: Tensor,
    class_names: Sequence[str],
    trust: Trust | None,
    options: PredictOptions,
) -> ImageResult:
    """Return the result for one image from its logits [num_classes] and features [num_features].

    Probabilities are the softmax over all classes of the logits, divided by the temperature where
    the version has one. Equally probable classes keep the order of the classes. The result has no
    explanation, which needs the network.
    Raises NotCalibrated if `options` asks for a coverage and the version has no calibration.
    """
    probabilities = (logits / (trust.temperature if trust else 1.0)).softmax(dim=0)
    order = probabilities.sort(descending=True, stable=True).indices[: options.top_k].tolist()
    prediction_set = None
    if options.coverage is not None:
        if trust is None:
            raise NotCalibrated(
                "This version was registered without its calibration, so there is no set of labels "
                f"for `coverage` {options.coverage:g}. Leave `coverage` out, or train the model "
                "again: every training calibrates its model at the end."
            )
        chosen = choose_labels(probabilities, find_threshold(trust.conformity, options.coverage))
        prediction_set = PredictionSet(options.coverage, [class_names[i] for i in chosen])
    return ImageResult(
        [
            ClassScore(
                class_names[i],
                float(probabilities[i]),
                float(logits[i]) if options.logits else None,
            )
            for i in order
        ],
        prediction_set,
        _measure_novelty(features, trust) if trust else None,
    )


def _measure_novelty(features: Tensor, trust: Trust) -> Novelty:
    distance = measure_distances(features[None], trust.neighbours)
    return Novelty(float(distance), trust.novelty_limit)
