"""Answers about models and their predictions."""

from typing import Self

from pydantic import Field

from graft_client.mcp.answers.base import Answer
from graft_client.schemas.base import ErrorReason
from graft_client.schemas.models import ModelSummary
from graft_client.schemas.predictions import (
    FailedPrediction,
    ImagePredictions,
    LabelSet,
    Novelty,
    Prediction,
)


class ModelLine(Answer):
    """A registered model in a list."""

    name: str
    newest_version: int | None
    newest_val_accuracy: float | None = Field(description="0-1.")
    newest_val_balanced_accuracy: float | None = Field(
        description="Mean recall over the classes, 0-1; null if it was not measured."
    )
    newest_architecture: str | None
    champion: int | None = Field(description="The version that the name alone means.")
    aliases: dict[str, int] = Field(description="The version that each alias points to.")

    @classmethod
    def of(cls, model: ModelSummary) -> Self:
        newest = model.newest
        return cls(
            name=model.name,
            newest_version=model.newest_version,
            newest_val_accuracy=None if newest is None else newest.val_accuracy,
            newest_val_balanced_accuracy=None if newest is None else newest.val_balanced_accuracy,
            newest_architecture=None if newest is None else newest.architecture,
            champion=model.aliases.get("champion"),
            aliases=model.aliases,
        )


class ModelList(Answer):
    """Models by name."""

    models: list[ModelLine]
    has_more: bool = Field(description="Whether there are more than `limit`.")


class ImageAnswer(Answer):
    """The prediction for one image, or the error that it was rejected with."""

    image: str = Field(description="The path that was given, or `image_base64`.")
    label: str | None = Field(description="The most probable class.")
    probability: float | None = Field(description="Of the label, 0-1.")
    predictions: list[Prediction] = Field(description="Most probable class first.")
    prediction_set: LabelSet | None = Field(
        description="With `coverage`: classes that contain the correct one for this share of "
        "images; `abstained` if nothing can be said."
    )
    novelty: Novelty | None = Field(
        description="If `is_novel`, the image is unlike the training images, and the label is "
        "unreliable."
    )
    error: ErrorReason | None

    @classmethod
    def of(cls, image: str, result: ImagePredictions | FailedPrediction) -> Self:
        if isinstance(result, FailedPrediction):
            return cls(
                image=image,
                label=None,
                probability=None,
                predictions=[],
                prediction_set=None,
                novelty=None,
                error=result.error,
            )
        return cls(
            image=image,
            label=result.label,
            probability=result.probability,
            predictions=result.predictions,
            prediction_set=result.prediction_set,
            novelty=result.novelty,
            error=None,
        )


class PredictionAnswer(Answer):
    """The predictions for some images, in their order."""

    model: str = Field(description="Reference of the model version that predicted.")
    results: list[ImageAnswer]
