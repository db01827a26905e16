"""Build a response of the Open Inference Protocol from prediction results."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.errors import InputError
from app.open_inference.schemas import (
    DEFAULT_OUTPUTS,
    InferRequest,
    InferResponse,
    OutputName,
    OutputTensor,
    RequestedOutput,
)
from app.predictions.results import ClassScore, ImageResult, RequestResult


class _EncodedOutput(NamedTuple):
    """An output tensor's JSON, and its binary data if it is sent after the JSON."""

    tensor: OutputTensor
    binary_data: bytes = b""


def build_response(
    request: InferRequest, result: RequestResult, class_names: Sequence[str]
) -> tuple[InferResponse, bytes]:
    """Return the response's JSON, and the binary data that follows it.

    Raises the error of the first image that cannot be read, because the protocol has no errors for
    single images.
    """
    results = [_require_result(result, number) for number in range(len(result.images))]
    outputs = request.outputs or [RequestedOutput(name=name) for name in DEFAULT_OUTPUTS]
    encoded = [
        _encode(
            output.name,
            results,
            class_names,
            binary=request.parameters.binary_data_output
            if output.parameters.binary_data is None
            else output.parameters.binary_data,
        )
        for output in outputs
    ]
    response = InferResponse(
        model_name=result.name,
        model_version=str(result.version),
        id=request.id,
        outputs=[one.tensor for one in encoded],
    )
    return response, b"".join(one.binary_data for one in encoded)


def _require_result(result: RequestResult, number: int) -> ImageResult:
    image = result.images[number]
    if isinstance(image, InputError):
        raise type(image)(f"image {number}: {image.message}")
    return image.result


def _encode(
    name: OutputName, results: Sequence[ImageResult], class_names: Sequence[str], *, binary: bool
) -> _EncodedOutput:
    if name == "label":
        return _encode_strings(name, [result.ranking[0].label for result in results], binary=binary)
    rows = []
    for result in results:
        by_class = {score.label: _get_score(score, name) for score in result.ranking}
        rows.append([by_class[class_name] for class_name in class_names])
    return _encode_floats(name, rows, binary=binary)


def _get_score(score: ClassScore, name: OutputName) -> float:
    if name == "probabilities":
        return score.probability
    assert score.logit is not None  # noqa: S101 - requested with this output
    return score.logit


def _encode_floats(
    name: OutputName, rows: Sequence[Sequence[float]], *, binary: bool
) -> _EncodedOutput:
    values = np.array(rows, dtype="<f4")
    tensor = OutputTensor(name=name, datatype="FP32", shape=list(values.shape))
    if binary:
        return _as_binary(tensor, values.tobytes())
    tensor.data = values.ravel().tolist()
    return _EncodedOutput(tensor)


def _encode_strings(name: OutputName, texts: Sequence[str], *, binary: bool) -> _EncodedOutput:
    tensor = OutputTensor(name=name, datatype="BYTES", shape=[len(texts)])
    if binary:
        utf8 = (text.encode() for text in texts)
        return _as_binary(tensor, b"".join(struct.pack("<I", len(text)) + text for text in utf8))
    tensor.data = list(texts)
    return _EncodedOutput(tensor)


def _as_binary(tensor: OutputTensor, packed: bytes) -> _EncodedOutput:
    tensor.parameters = {"binary_data_size": len(packed)}
    return _EncodedOutput(tensor, packed)
