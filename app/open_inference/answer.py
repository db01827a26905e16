"""A model's word on images as tensors of the Open Inference Protocol."""

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
from app.predictions.results import Outcome, Ranked, Verdict


class _Written(NamedTuple):
    """An output's part of the JSON, and its part of what lies behind."""

    tensor: OutputTensor
    behind: bytes = b""


def answer(
    request: InferRequest, outcome: Outcome, class_names: Sequence[str]
) -> tuple[InferResponse, bytes]:
    """The answer's JSON, and what lies behind it.

    Raises the error of the first image that cannot be read: the protocol has no place for it beside
    other images' answers.
    """
    verdicts = [_require_verdict(outcome, number) for number in range(len(outcome.images))]
    wanted = request.outputs or [RequestedOutput(name=name) for name in DEFAULT_OUTPUTS]
    written = [
        _write(
            output.name,
            verdicts,
            class_names,
            binary=request.parameters.binary_data_output
            if output.parameters.binary_data is None
            else output.parameters.binary_data,
        )
        for output in wanted
    ]
    response = InferResponse(
        model_name=outcome.name,
        model_version=str(outcome.version),
        id=request.id,
        outputs=[one.tensor for one in written],
    )
    return response, b"".join(one.behind for one in written)


def _require_verdict(outcome: Outcome, number: int) -> Verdict:
    image = outcome.images[number]
    if isinstance(image, InputError):
        raise type(image)(f"image {number}: {image.message}")
    return image.verdict


def _write(
    name: OutputName, verdicts: Sequence[Verdict], class_names: Sequence[str], *, binary: bool
) -> _Written:
    if name == "label":
        return _write_strings(
            name, [verdict.ranking[0].label for verdict in verdicts], binary=binary
        )
    rows = []
    for verdict in verdicts:
        by_class = {ranked.label: _get_score(ranked, name) for ranked in verdict.ranking}
        rows.append([by_class[class_name] for class_name in class_names])
    return _write_floats(name, rows, binary=binary)


def _get_score(ranked: Ranked, name: OutputName) -> float:
    if name == "probabilities":
        return ranked.probability
    assert ranked.logit is not None  # noqa: S101 - asked for where the output was
    return ranked.logit


def _write_floats(name: OutputName, rows: Sequence[Sequence[float]], *, binary: bool) -> _Written:
    values = np.array(rows, dtype="<f4")
    tensor = OutputTensor(name=name, datatype="FP32", shape=list(values.shape))
    if binary:
        return _put_behind(tensor, values.tobytes())
    tensor.data = values.ravel().tolist()
    return _Written(tensor)


def _write_strings(name: OutputName, texts: Sequence[str], *, binary: bool) -> _Written:
    tensor = OutputTensor(name=name, datatype="BYTES", shape=[len(texts)])
    if binary:
        encoded = (text.encode() for text in texts)
        return _put_behind(
            tensor, b"".join(struct.pack("<I", len(text)) + text for text in encoded)
        )
    tensor.data = list(texts)
    return _Written(tensor)


def _put_behind(tensor: OutputTensor, packed: bytes) -> _Written:
    tensor.parameters = {"binary_data_size": len(packed)}
    return _Written(tensor, packed)
