"""The engines that are tested, each with its precision."""

import pytest

from app.predictions.engines.openvino_engine import supports_bf16

ENGINES = [
    ("torch", "fp32"),
    ("torch", "bf16"),
    ("openvino", "fp32"),
    pytest.param(
        ("openvino", "bf16"),
        marks=pytest.mark.skipif(
            not supports_bf16(), reason="this processor does not multiply bfloat16"
        ),
    ),
    ("onnxruntime", "fp32"),
]
