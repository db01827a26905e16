"""Verdicts as they stand on the wire, the same behind every door."""

from base64 import b64encode

from app.errors import InputError
from app.predictions.results import Verdict
from app.predictions.schemas import (
    ImageError,
    ImagePredictions,
    LabelSet,
    NoveltyFigures,
    Prediction,
    SeenAt,
)


def view_verdict(verdict: Verdict) -> ImagePredictions:
    """What is said of an image."""
    labels, novelty, seen = verdict.prediction_set, verdict.novelty, verdict.explanation
    return ImagePredictions(
        predictions=[
            Prediction(label=ranked.label, probability=ranked.probability, logit=ranked.logit)
            for ranked in verdict.ranking
        ],
        prediction_set=LabelSet(
            coverage=labels.coverage, labels=labels.labels, abstained=labels.abstained
        )
        if labels
        else None,
        novelty=NoveltyFigures(score=novelty.score, limit=novelty.limit, is_novel=novelty.is_novel)
        if novelty
        else None,
        explanation=SeenAt(label=seen.label, heatmap_png=b64encode(seen.heatmap).decode("ascii"))
        if seen
        else None,
    )


def view_error(error: InputError) -> ImageError:
    """Why nothing is said of an image."""
    return ImageError(code=error.code, message=error.message)
