"""In what form a model can be taken away, and how near it must stay; imports no torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

ExportFormat = Literal["safetensors", "onnx", "torch_export", "openvino"]

TOLERANCE = 0.001
"""Largest difference in probability: what float32 engines and resizes need, and no more."""

RELATIVE_TOLERANCE = 0.02
"""The same for logits and features, as a share of the largest: a model that is sure of everything
would show no difference in its probabilities."""


class Check(BaseModel):
    """How far an exported file was found to be from the original, over its golden pictures.

    max_probability_difference is absolute; the others are shares of the largest number expected.
    """

    model_config = ConfigDict(frozen=True)

    num_images: int
    tolerance: float = TOLERANCE
    relative_tolerance: float = RELATIVE_TOLERANCE
    max_probability_difference: float
    max_logit_difference: float
    max_feature_difference: float | None
