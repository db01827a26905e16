"""Build model.json, which describes an exported model, its inputs and its outputs."""

import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from app.ml.export.formats import ExportFormat
from app.ml.export.network import OUTPUTS
from app.ml.export.safetensors_format import describe_construction
from app.ml.export.source_model import SourceModel
from app.ml.images.preprocessing import PreprocessingSpec

_PACKAGES = (
    *("graft-server", "torch", "torchvision", "timm", "safetensors"),
    *("onnx", "onnxruntime", "onnxscript", "openvino"),
)


def describe(source: SourceModel, export_format: ExportFormat) -> dict[str, Any]:
    """Build the document, except for the results of the check, ready for JSON."""
    header = source.header
    return {
        "name": source.name,
        "version": source.version,
        "format": export_format,
        "class_names": list(header.class_names),
        "temperature": source.network.temperature,
        "input": (
            "One decoded RGB image, uint8 [height, width, 3] in 0..255, of any size."
            if export_format == "safetensors"
            else "pixels: decoded RGB images of one size, uint8 [n, height, width, 3] in 0..255."
        ),
        "output": _describe_output(export_format),
        "preprocessing": {
            **header.preprocessing.model_dump(mode="json"),
            "inside_the_graph": export_format != "safetensors",
            "steps": _list_steps(header.preprocessing),
        },
        **describe_construction(source),
        "checkpoint_digest": source.digest,
        "pretrained_weights": header.weights.model_dump(mode="json"),
        "made_with": {name: found for name in _PACKAGES if (found := _find_version(name))},
    }


def summarize(description: dict[str, Any]) -> dict[str, str]:
    """Select the metadata that the model file itself stores, as text; other values are JSON."""
    keys = ("name", "version", "class_names", "preprocessing", "temperature", "architecture")
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in ((key, description[key]) for key in (*keys, "checkpoint_digest"))
    }


def _describe_output(export_format: ExportFormat) -> dict[str, str]:
    described = {
        "probabilities": "float32 [n, classes], the softmax of the logits over the temperature",
        "logits": "float32 [n, classes], the outputs of the head",
        "features": "float32 [n, num_features], the inputs of the head",
    }
    names = OUTPUTS[:2] if export_format == "safetensors" else OUTPUTS
    return {name: described[name] for name in names}


def _list_steps(spec: PreprocessingSpec) -> list[str]:
    return [
        "Decode; apply the EXIF rotation; convert to RGB; blend transparent pixels with white.",
        (
            f"Resize the shorter side to {spec.resize_size} pixels and the longer to "
            f"floor({spec.resize_size} * longer / shorter), {spec.interpolation} with antialiasing "
            "as Pillow defines it, in float32; round half to even; clamp to 0..255."
        ),
        (
            f"Crop the centre {spec.input_size} x {spec.input_size}; the first row and column are "
            "half of the excess, rounded half to even; where the image is smaller, pad with "
            "black, the larger half at the end."
        ),
        "Divide by 255.",
        f"From R, G and B subtract {list(spec.mean)}, then divide by {list(spec.std)}.",
    ]


def _find_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
