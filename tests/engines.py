"""The engines that are tested, each with the numbers it computes in."""

import pytest

from app.predictions.engines.openvino_engine import computes_in_bf16

ENGINES = [
    ("torch", "fp32"),
    ("torch", "bf16"),
    ("openvino", "fp32"),
    pytest.param(
        ("openvino", "bf16"),
        marks=pytest.mark.skipif(
            not computes_in_bf16(), reason="this processor does not multiply bfloat16"
        ),
    ),
    ("onnxruntime", "fp32"),
]
