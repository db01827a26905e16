"""OpenVINO, silenced: by itself its import reports to its makers over the network."""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # makes its import fail

import openvino  # noqa: E402 - what stands above must come first
from openvino import opset15 as ops  # noqa: E402 - the same

__all__ = ["openvino", "ops"]
