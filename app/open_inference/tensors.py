"""From a request of the Open Inference Protocol to its images: pure functions of bytes.

Elements lie in the JSON or, in the order of the tensors, behind it; numbers are
little-endian there, and each BYTES element has its length before it as a uint32.
"""

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from app.errors import BodyTooLarge, ImageTooLarge, InputProblem, ValidationFailed
from app.open_inference.schemas import InferRequest, InputTensor
from app.web.input_problems import list_problems
from app.web.json_body import parse_json

_LENGTH = struct.Struct("<I")
_CHANNELS = 3


@dataclass(frozen=True)
class Limits:
    """How many images a request may hold, and how many bytes and pixels each."""

    max_images: int
    max_bytes: int
    max_pixels: int


def read_request(body: bytes, json_length: int | None) -> tuple[InferRequest, memoryview]:
    """The request, and what lies behind its JSON of json_length bytes (all of it, if None).

    Raises BadJson, ValidationFailed.
    """
    if json_length is not None and json_length > len(body):
        raise _wrong(
            ("header", "inference-header-content-length"),
            f"{json_length} is more than the {len(body)} bytes of the body",
        )
    whole = memoryview(body)
    length = len(body) if json_length is None else json_length
    try:
        request = InferRequest.model_validate(parse_json(bytes(whole[:length])))
    except ValidationError as error:
        raise ValidationFailed(*list_problems(error.errors(), InferRequest)) from error
    return request, whole[length:]


def read_images(tensor: InputTensor, behind: memoryview, limits: Limits) -> list[bytes]:
    """The images of an input as files, in their order.

    Decoded pixels are made files of the one kind that adds nothing to them, PPM. Raises
    ValidationFailed where shape, datatype and elements do not agree, BodyTooLarge, ImageTooLarge.
    """
    if tensor.datatype == "BYTES":
        num_images = _count_files(tensor.shape)
    else:
        num_images = _count_pictures(tensor.shape, limits)
    if not 1 <= num_images <= limits.max_images:
        raise _wrong(_at("shape"), f"{num_images} images", (f"1 to {limits.max_images} images",))
    elements = _find_elements(tensor, behind)
    if tensor.datatype == "BYTES":
        files = _decode(elements) if isinstance(elements, list) else _split(elements)
        if len(files) != num_images:
            raise _wrong(_at("data"), f"{len(files)} elements for a shape of {tensor.shape}")
        if max(map(len, files)) > limits.max_bytes:
            raise BodyTooLarge(f"An image is larger than the {limits.max_bytes} bytes allowed.")
        return files
    pixels = _flatten(elements) if isinstance(elements, list) else elements
    if len(pixels) != math.prod(tensor.shape):
        raise _wrong(_at("data"), f"{len(pixels)} elements for a shape of {tensor.shape}")
    _, height, width, _ = tensor.shape
    header = b"P6 %d %d 255\n" % (width, height)
    size = height * width * _CHANNELS
    return [header + bytes(pixels[start : start + size]) for start in range(0, len(pixels), size)]


def _count_files(shape: Sequence[int]) -> int:
    if len(shape) == 1 or list(shape[1:]) == [1]:
        return shape[0]
    raise _wrong(_at("shape"), f"{list(shape)} for BYTES", ("[n]", "[n, 1]"))


def _count_pictures(shape: Sequence[int], limits: Limits) -> int:
    if len(shape) != 4 or shape[3] != _CHANNELS or 0 in shape:  # noqa: PLR2004 - n, height, width, 3
        raise _wrong(_at("shape"), f"{list(shape)} for UINT8", ("[n, height, width, 3]",))
    if shape[1] * shape[2] > limits.max_pixels:
        raise ImageTooLarge(
            f"The images have {shape[2]} x {shape[1]} pixels; "
            f"at most {limits.max_pixels} are allowed."
        )
    return shape[0]


def _find_elements(tensor: InputTensor, behind: memoryview) -> list[Any] | memoryview:
    size = tensor.parameters.binary_data_size
    if (size is None) == (tensor.data is None):
        raise _wrong(_at("data"), "either data or parameters.binary_data_size must be there")
    if size is None:
        if behind:
            raise _wrong(_at("data"), f"there are {len(behind)} bytes behind the JSON besides")
        assert tensor.data is not None  # noqa: S101 - one of the two is there
        return tensor.data
    if size != len(behind):
        raise _wrong(
            _at("parameters", "binary_data_size"),
            f"{size}, but {len(behind)} bytes lie behind the JSON "
            "(Inference-Header-Content-Length tells where it ends)",
        )
    return behind


def _split(packed: memoryview) -> list[bytes]:
    elements: list[bytes] = []
    position = 0
    while position < len(packed):
        start = position + _LENGTH.size
        if start > len(packed):
            raise _wrong(_at("data"), f"element {len(elements)} ends within its length")
        (length,) = _LENGTH.unpack_from(packed, position)
        position = start + length
        if position > len(packed):
            raise _wrong(_at("data"), f"element {len(elements)} is shorter than its {length} bytes")
        elements.append(bytes(packed[start:position]))
    return elements


def _decode(elements: list[Any]) -> list[bytes]:
    files: list[bytes] = []
    for element in elements:
        only = element[0] if isinstance(element, list) and len(element) == 1 else element
        try:
            files.append(base64.b64decode(only, validate=True))
        except (binascii.Error, TypeError, ValueError) as error:
            raise _wrong(
                _at("data"), f"element {len(files)} is not base64", ("image files in base64",)
            ) from error
    return files


def _flatten(elements: list[Any]) -> bytes:
    allowed = ("integers from 0 to 255",)
    try:
        values = np.array(elements)
    except (ValueError, OverflowError) as error:
        raise _wrong(_at("data"), "the rows are of unequal length", allowed) from error
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() > 255:  # noqa: PLR2004 - a byte
        raise _wrong(_at("data"), "an element is not a byte", allowed)
    return values.astype(np.uint8).tobytes()


def _at(*where: str) -> tuple[str | int, ...]:
    return ("body", "inputs", 0, *where)


def _wrong(
    loc: tuple[str | int, ...], message: str, allowed: tuple[str, ...] | None = None
) -> ValidationFailed:
    told = f"`{'.'.join(map(str, loc[1:]))}`: {message}."
    return ValidationFailed(InputProblem(loc, told, allowed))
