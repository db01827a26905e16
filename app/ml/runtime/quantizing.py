"""A scoring network in int8, by post-training quantisation.

Weights are rounded for each output channel, activations by the range that they have on a few
hundred images: Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference" (CVPR 2018), as ONNX Runtime's static quantisation does it.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor

from app.errors import EngineUnavailable
from app.ml.models.folding import fold_batch_norms
from app.ml.runtime.scoring import ScoringNetwork

_OPERATORS = ["Conv", "Gemm", "MatMul", "Add", "Relu", "Concat", "MaxPool", "GlobalAveragePool"]
"""What is computed in int8; normalisation and what is left stay in float32."""


def quantize(network: ScoringNetwork, images: Iterable[Tensor]) -> bytes:
    """The network as an ONNX graph in int8, from `pixels` to `logits` and `features`.

    images: prepared ones, uint8 [3, input_size, input_size], by which activations get their ranges.
    Raises EngineUnavailable where ONNX Runtime is not installed.
    """
    try:
        import onnx  # noqa: PLC0415 - an extra
        from onnxruntime import quantization  # noqa: PLC0415 - as above

        from app.ml.runtime.onnx_scoring import convert_network  # noqa: PLC0415 - as above
    except ModuleNotFoundError as error:
        raise EngineUnavailable(
            f"The worker has no '{error.name}': install graft-server[onnx] there."
        ) from error
    fold_batch_norms(network.model)
    with TemporaryDirectory() as folder, _without_advice():
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        content = convert_network(network)
        source.write_bytes(content)
        stem = _find_stem(onnx.load_model_from_string(content))
        quantization.quantize_static(
            source,
            target,
            _Reader(images),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=_OPERATORS,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            extra_options={
                "TensorQuantOverrides": {
                    stem: [
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


def _find_stem(model: Any) -> str:
    """The name of the weights that the image itself is multiplied with; they get seven bits.

    Processors without VNNI add up pairs of products in 16 bits and cut off what is larger: seldom
    where a ReLU came before, but often for the image's values, which lie about the middle of their
    range. With seven bits no pair is too large, and the layer answers alike on every processor.
    Source: ONNX Runtime, "Quantize ONNX models", "When and why do I need to try U8U8?".
    """
    convolution = next(node for node in model.graph.node if node.op_type == "Conv")
    return str(convolution.input[1])


class _Reader:
    """Images one by one, as ONNX Runtime asks for them."""

    def __init__(self, images: Iterable[Tensor]) -> None:
        self._images: Iterator[Tensor] = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        image = next(self._images, None)
        return None if image is None else {"pixels": image[None].contiguous().numpy()}


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keep the quantiser from advising steps that torch's exporter has taken already."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
