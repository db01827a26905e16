"""Import OpenVINO without its telemetry, which sends data over the network."""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # makes the import of the telemetry fail

import openvino  # noqa: E402 - the telemetry must be disabled first
from openvino import opset15 as ops  # noqa: E402 - as above

__all__ = ["openvino", "ops"]
