"""What model.json says: all about an exported model that its file of numbers cannot say."""

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from app.ml.export.formats import ExportFormat
from app.ml.export.network import OUTPUTS
from app.ml.export.original import Original
from app.ml.export.plain_tensors import describe_construction
from app.ml.images.preprocessing import PreprocessingSpec

_PACKAGES = (
    *("graft-server", "torch", "torchvision", "safetensors"),
    *("onnx", "onnxruntime", "onnxscript", "openvino"),
)


def describe(original: Original, export_format: ExportFormat) -> dict[str, Any]:
    """The document but for what the check finds, ready for JSON."""
    header = original.header
    return {
        "name": original.name,
        "version": original.version,
        "format": export_format,
        "class_names": list(header.class_names),
        "temperature": original.network.temperature,
        "input": (
            "One decoded RGB picture, uint8 [height, width, 3] in 0..255, of any size."
            if export_format == "safetensors"
            else "pixels: decoded RGB pictures of one size, uint8 [n, height, width, 3] in 0..255."
        ),
        "output": _describe_output(export_format),
        "preprocessing": {
            **header.preprocessing.model_dump(mode="json"),
            "inside_the_graph": export_format != "safetensors",
            "steps": _list_steps(header.preprocessing),
        },
        **describe_construction(original),
        "checkpoint_digest": original.digest,
        "pretrained_weights": header.weights.model_dump(mode="json"),
        "made_with": {name: found for name in _PACKAGES if (found := _find_version(name))},
    }


def summarize(description: dict[str, Any]) -> dict[str, str]:
    """What the file of a graph says of itself, as text: numbers and lists are JSON."""
    told = ("name", "version", "class_names", "preprocessing", "temperature", "architecture")
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in ((key, description[key]) for key in (*told, "checkpoint_digest"))
    }


def _describe_output(export_format: ExportFormat) -> dict[str, str]:
    described = {
        "probabilities": "float32 [n, classes], the softmax of the logits over the temperature",
        "logits": "float32 [n, classes], as the head gives them",
        "features": "float32 [n, num_features], what the head is given",
    }
    given = OUTPUTS[:2] if export_format == "safetensors" else OUTPUTS
    return {name: described[name] for name in given}


def _list_steps(spec: PreprocessingSpec) -> list[str]:
    return [
        "Decode; turn as EXIF says; convert to RGB; put what is transparent on white.",
        (
            f"Resize the shorter side to {spec.resize_size} pixels and the longer to "
            f"floor({spec.resize_size} * longer / shorter), {spec.interpolation} with antialiasing "
            "as Pillow defines it, in float32; round half to even; clamp to 0..255."
        ),
        (
            f"Cut out the centre {spec.input_size} x {spec.input_size}; the first row and column "
            "are half of what is left over, rounded half to even; where the picture is smaller, "
            "pad with black, the larger half after."
        ),
        "Divide by 255.",
        f"Of R, G and B subtract {list(spec.mean)}, then divide by {list(spec.std)}.",
    ]


def _find_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
