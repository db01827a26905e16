"""The predictions of each evaluated image, from the scores that the report is made of."""

from collections.abc import Mapping

import numpy as np

from app.jobs.prediction_file import SplitPredictions
from worker.training.evaluation.scored import Scored


def list_predictions(
    scored: Scored, *, temperature: float, fingerprints: Mapping[int, int]
) -> SplitPredictions:
    """Return a split's predictions, with the probabilities that serving returns.

    temperature is the divisor of the logits in serving. fingerprints are those of the images'
    bytes, by image id.
    """
    probabilities = (scored.logits / temperature).softmax(1)
    predicted = scored.predicted
    return SplitPredictions(
        image_ids=np.array(scored.image_ids, np.int32),
        fingerprints=np.array([fingerprints[one] for one in scored.image_ids], np.uint64),
        targets=scored.targets.int().numpy(),
        predicted=predicted.int().numpy(),
        probabilities=probabilities.gather(1, predicted[:, None])[:, 0].numpy(),
        target_probabilities=probabilities.gather(1, scored.targets[:, None])[:, 0].numpy(),
        paths=scored.paths,
    )
