"""Quantize a scoring network to int8 after training.

Weights are quantized per output channel, activations by their range on a few hundred images, as in
ONNX Runtime's static quantization: Jacob et al., "Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference" (CVPR 2018).
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor

from app.errors import EngineUnavailable
from app.ml.models.folding import fold_batch_norms, is_from_timm
from app.ml.runtime.scoring import ScoringNetwork

_INT8_OPERATORS = [
    "Conv",
    "Gemm",
    "MatMul",
    "Add",
    "Relu",
    "Concat",
    "MaxPool",
    "GlobalAveragePool",
]
"""The operators that can run in int8; all others, and normalisation, stay in float32."""


def quantize(network: ScoringNetwork, images: Iterable[Tensor]) -> bytes:
    """Convert the network to an int8 ONNX graph from `pixels` to `logits` and `features`.

    images: prepared calibration images, uint8 [3, input_size, input_size], which determine the
    ranges of activations.
    Raises EngineUnavailable where ONNX Runtime is not installed or cannot run an architecture of
    timm.
    """
    try:
        import onnx  # noqa: PLC0415 - an extra
        from onnxruntime import quantization  # noqa: PLC0415 - as above

        from app.ml.runtime.onnx_scoring import convert_network  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise EngineUnavailable(
            f"Quantization needs '{error.name}', which the worker does not have; install "
            "graft-server[onnx] in the worker's environment."
        ) from error
    is_of_timm = is_from_timm(network.model)
    fold_batch_norms(network.model)
    try:
        return _quantize(network, images, quantization, onnx, convert_network)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        if not is_of_timm:
            raise
        raise EngineUnavailable(
            f"{type(network.model).__name__} of timm cannot be quantized: ONNX does not support "
            "one of its layers."
        ) from error


def _quantize(
    network: ScoringNetwork,
    images: Iterable[Tensor],
    quantization: Any,
    onnx: Any,
    convert_network: Callable[[ScoringNetwork], bytes],
) -> bytes:
    with TemporaryDirectory() as folder, _without_warnings():
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        content = convert_network(network)
        source.write_bytes(content)
        graph = onnx.load_model_from_string(content).graph
        quantization.quantize_static(
            source,
            target,
            _CalibrationReader(images),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=_list_operators(graph),
            nodes_to_exclude=_list_attention(graph),
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            extra_options={
                "TensorQuantOverrides": {
                    _find_stem(graph): [
                        {
                            "quant_type": quantization.QuantType.QInt8,
                            "axis": 0,
                            "reduce_range": True,
                        }
                    ]
                }
            },
        )
        return target.read_bytes()


def _list_operators(graph: Any) -> list[str]:
    """List the operators that run in int8, without Add in networks with layer normalisation.

    Each block of a transformer adds to a sum of which a few values lie far outside the range of the
    others. With one scale for all, the others would lose their precision.
    Source: Bondarenko et al., "Understanding and Overcoming the Challenges of Efficient Transformer
    Quantization" (EMNLP 2021), section 3.
    """
    if any(node.op_type == "LayerNormalization" for node in graph.node):
        return [operator for operator in _INT8_OPERATORS if operator != "Add"]
    return _INT8_OPERATORS


def _list_attention(graph: Any) -> list[str]:
    """List the products of activations with activations, which are faster in float32.

    To quantize both operands takes longer than a product in int8 saves.
    """
    constant = {one.name for one in graph.initializer}
    return [
        node.name
        for node in graph.node
        if node.op_type == "MatMul" and constant.isdisjoint(node.input)
    ]


def _find_stem(graph: Any) -> str:
    """Return the name of the first convolution's weights, which are quantized to seven bits.

    Processors without VNNI add pairs of products in 16 bits and saturate. That is rare after a
    ReLU, but frequent in the first layer, because the values of images lie around the middle of
    their range. With seven bits no pair overflows, and every processor gives the same output.
    Source: ONNX Runtime, "Quantize ONNX models", "When and why do I need to try U8U8?".
    """
    convolution = next(node for node in graph.node if node.op_type == "Conv")
    return str(convolution.input[1])


class _CalibrationReader:
    """Give ONNX Runtime the calibration images one by one."""

    def __init__(self, images: Iterable[Tensor]) -> None:
        self._images: Iterator[Tensor] = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        image = next(self._images, None)
        return None if image is None else {"pixels": image[None].contiguous().numpy()}


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence the quantizer's advice to run steps that torch's exporter has done already."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
