"""Models, where they point and what they can be made from."""

from typing import Literal

from client.resources.base import Resource


class ModelVersion(Resource):
    """A servable model."""

    name: str
    version: int

    @property
    def reference(self) -> str:
        """The reference that means this very version."""
        return f"{self.name}:{self.version}"


class Weights(Resource):
    """Pretrained weights of an architecture."""

    name: str
    availability: Literal["local", "download", "unavailable"]


class Architecture(Resource):
    """A network that the service can train."""

    name: str
    input_size: int
    num_parameters: int
    weights: list[Weights]


class ChosenModel(Resource):
    """The model that predicts where none is named."""

    model: str
    resolved: ModelVersion
