"""Define the export formats and the tolerances of their check; imports no torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

ExportFormat = Literal["safetensors", "onnx", "torch_export", "openvino"]

TOLERANCE = 0.001
"""The largest difference in probability: the rounding of float32 engines and resizes."""

RELATIVE_TOLERANCE = 0.02
"""The largest difference in logits and features, as a share of the largest value. These are checked
too, because a model with saturated probabilities shows no difference in them."""


class Check(BaseModel):
    """The differences between an exported model and its source model on the golden images.

    max_probability_difference is absolute; the others are shares of the largest expected value.
    """

    model_config = ConfigDict(frozen=True)

    num_images: int
    tolerance: float = TOLERANCE
    relative_tolerance: float = RELATIVE_TOLERANCE
    max_probability_difference: float
    max_logit_difference: float
    max_feature_difference: float | None
