"""What models say of images."""

from client.resources.base import Resource
from client.resources.models import ModelVersion


class Prediction(Resource):
    """A class and its probability, 0-1."""

    label: str
    probability: float


class ImagePredictions(Resource):
    """What a model says about one image, most probable class first."""

    model: ModelVersion
    predictions: list[Prediction]
    inference_ms: float
