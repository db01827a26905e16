"""Convert prediction results into HTTP schemas, the same for every route."""

from base64 import b64encode

from app.errors import InputError
from app.predictions.results import ImageResult
from app.predictions.schemas import (
    HeatMap,
    ImageError,
    ImagePredictions,
    LabelSet,
    NoveltyFigures,
    Prediction,
)


def view_result(result: ImageResult) -> ImagePredictions:
    """Return the result for one image as it is sent."""
    labels, novelty, explanation = result.prediction_set, result.novelty, result.explanation
    return ImagePredictions(
        predictions=[
            Prediction(label=score.label, probability=score.probability, logit=score.logit)
            for score in result.ranking
        ],
        prediction_set=LabelSet(
            coverage=labels.coverage, labels=labels.labels, abstained=labels.abstained
        )
        if labels
        else None,
        novelty=NoveltyFigures(score=novelty.score, limit=novelty.limit, is_novel=novelty.is_novel)
        if novelty
        else None,
        explanation=HeatMap(
            label=explanation.label,
            crop=explanation.crop,
            heatmap_png=b64encode(explanation.heatmap).decode("ascii"),
        )
        if explanation
        else None,
    )


def view_error(error: InputError) -> ImageError:
    """Return the error of one image as it is sent."""
    return ImageError(code=error.code, message=error.message)
