"""Verdicts as they stand on the wire, the same behind every door."""

from app.errors import InputError
from app.predictions.judging import Verdict
from app.predictions.schemas import ImageError, ImagePredictions, Prediction


def view_verdict(verdict: Verdict) -> ImagePredictions:
    """What is said of an image."""
    return ImagePredictions(
        predictions=[
            Prediction(label=ranked.label, probability=ranked.probability)
            for ranked in verdict.ranking
        ]
    )


def view_error(error: InputError) -> ImageError:
    """Why nothing is said of an image."""
    return ImageError(code=error.code, message=error.message)
