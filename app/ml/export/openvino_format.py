"""Write a model with its preprocessing as OpenVINO IR in float32.

The preprocessing consists of OpenVINO's own operations, with OpenVINO's version of Pillow's resize.
The converters do not support torch's antialiased resize, and OpenVINO ignores `antialias` in ONNX.
"""

from pathlib import Path
from typing import Any

import numpy as np

from app.ml.export.network import OUTPUTS, CalibratedNetwork, trace_prepared
from app.ml.export.source_model import SourceModel
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.runtime.quiet_openvino import openvino, ops

_MODES = {"bilinear": "bilinear_pillow", "bicubic": "bicubic_pillow"}
_ROWS, _COLUMNS = 1, 2
"""The axes of an image's height and width, channels last."""

_SIDES = np.array([_ROWS, _COLUMNS], np.int32)


def write(folder: Path, source: SourceModel, metadata: dict[str, str]) -> None:
    """Write model.xml and model.bin, with the metadata as runtime information."""
    model = make_graph(source.network, source.header.preprocessing)
    for key, value in metadata.items():
        model.set_rt_info(value, ["graft", key])
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)


def make_graph(network: CalibratedNetwork, spec: PreprocessingSpec) -> Any:
    """Build the graph from uint8 [n, height, width, 3] to the outputs of `network.PixelNetwork`."""
    model = openvino.convert_model(trace_prepared(network))
    pixels = ops.parameter([-1, -1, -1, 3], np.uint8, name="pixels")
    pixels.output(0).set_names({"pixels"})
    (levels,) = model.get_parameters()
    levels.output(0).replace(_prepare(pixels, spec).output(0))
    results = model.get_results()
    for result, name in zip(results, OUTPUTS, strict=True):
        result.input_value(0).set_names({name})
    return openvino.Model(results, [pixels], "graft")


def _prepare(pixels: Any, spec: PreprocessingSpec) -> Any:
    """Build `app.ml.images.preprocessing.eval_pixels`: float32 [n, 3, input_size, input_size]."""
    shape = ops.shape_of(pixels, output_type="i32")
    sides = ops.gather(shape, _SIDES, np.int32(0))
    shorter = ops.reduce_min(sides, np.zeros(1, np.int32), keep_dims=True)
    sizes = ops.divide(ops.multiply(sides, np.int32(spec.resize_size)), shorter)
    resized = ops.interpolate(
        ops.convert(pixels, "f32"),
        sizes,
        mode=_MODES[spec.interpolation],
        shape_calculation_mode="sizes",
        cube_coeff=-0.5,
        axes=_SIDES,
    )
    levels = ops.clamp(ops.round(resized, "half_to_even"), 0.0, 255.0)
    cropped = _crop_centre(_crop_centre(levels, _ROWS, sizes, spec), _COLUMNS, sizes, spec)
    return ops.transpose(cropped, np.array([0, 3, 1, 2], np.int32))


def _crop_centre(levels: Any, axis: int, sizes: Any, spec: PreprocessingSpec) -> Any:
    """Crop the centre of an axis, padded with black, with the arithmetic of `EvalPixels`."""
    zero, one, two = np.int32(0), np.int32(1), np.int32(2)
    size = np.int32(spec.input_size)
    length = ops.gather(sizes, np.int32(axis - _ROWS), zero)
    cut = ops.maximum(ops.subtract(length, size), zero)
    padding = ops.maximum(ops.subtract(size, length), zero)
    odd_half = ops.mod(ops.divide(cut, two), two)
    start = ops.subtract(ops.divide(ops.add(cut, odd_half), two), ops.divide(padding, two))
    positions = ops.add(np.arange(size, dtype=np.int32), start)
    nearest = ops.minimum(ops.maximum(positions, zero), ops.subtract(length, one))
    inside = ops.convert(ops.equal(positions, nearest), "f32")
    shape = np.ones(4, np.int32)
    shape[axis] = size
    taken = ops.gather(levels, nearest, np.int32(axis))
    return ops.multiply(taken, ops.reshape(inside, shape, special_zero=False))
