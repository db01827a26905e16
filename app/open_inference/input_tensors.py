"""Parse requests of the Open Inference Protocol, and read images from their input tensors.

Elements are in the JSON, or as binary data after it in the order of the tensors. Binary numbers are
little-endian; each BYTES element begins with its length as a uint32.
"""

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from pydantic import ValidationError

from app.errors import BodyTooLarge, ImageTooLarge, InputProblem, ValidationFailed
from app.open_inference.schemas import InferRequest, InputTensor
from app.web.input_problems import list_problems
from app.web.json_body import parse_json

_LENGTH = struct.Struct("<I")
_CHANNELS = 3


@dataclass(frozen=True)
class Limits:
    """Limits of a request: number of images, bytes and pixels of each."""

    max_images: int
    max_bytes: int
    max_pixels: int


def read_request(body: bytes, json_length: int | None) -> tuple[InferRequest, memoryview]:
    """Parse a body; returns the request and the binary data after its JSON.

    json_length is the size of the JSON in bytes, None if the body is JSON only.

    Raises BadJson, ValidationFailed.
    """
    if json_length is not None and json_length > len(body):
        raise _invalid(
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


def read_images(tensor: InputTensor, binary_data: memoryview, limits: Limits) -> list[bytes]:
    """Return the images of an input tensor as files, in their order.

    Decoded pixels become PPM files, which are lossless. Raises ValidationFailed where shape,
    datatype and elements do not match, BodyTooLarge, ImageTooLarge.
    """
    if tensor.datatype == "BYTES":
        num_images = _count_files(tensor.shape)
    else:
        num_images = _count_pixel_images(tensor.shape, limits)
    if not 1 <= num_images <= limits.max_images:
        raise _invalid(
            _input_loc("shape"), f"{num_images} images", (f"1 to {limits.max_images} images",)
        )
    elements = _find_elements(tensor, binary_data)
    if tensor.datatype == "BYTES":
        files = (
            _decode_base64(elements) if isinstance(elements, list) else _split_elements(elements)
        )
        if len(files) != num_images:
            raise _invalid(
                _input_loc("data"), f"{len(files)} elements for a shape of {tensor.shape}"
            )
        if max(map(len, files)) > limits.max_bytes:
            raise BodyTooLarge(f"An image is larger than the {limits.max_bytes} bytes allowed.")
        return files
    pixels = _flatten(elements) if isinstance(elements, list) else elements
    if len(pixels) != math.prod(tensor.shape):
        raise _invalid(_input_loc("data"), f"{len(pixels)} elements for a shape of {tensor.shape}")
    _, height, width, _ = tensor.shape
    header = b"P6 %d %d 255\n" % (width, height)
    size = height * width * _CHANNELS
    return [header + bytes(pixels[start : start + size]) for start in range(0, len(pixels), size)]


def _count_files(shape: Sequence[int]) -> int:
    if len(shape) == 1 or list(shape[1:]) == [1]:
        return shape[0]
    raise _invalid(_input_loc("shape"), f"{list(shape)} for BYTES", ("[n]", "[n, 1]"))


def _count_pixel_images(shape: Sequence[int], limits: Limits) -> int:
    if len(shape) != 4 or shape[3] != _CHANNELS or 0 in shape:  # noqa: PLR2004 - n, height, width, 3
        raise _invalid(_input_loc("shape"), f"{list(shape)} for UINT8", ("[n, height, width, 3]",))
    if shape[1] * shape[2] > limits.max_pixels:
        raise ImageTooLarge(
            f"The images have {shape[2]} x {shape[1]} pixels; "
            f"at most {limits.max_pixels} are allowed."
        )
    return shape[0]


def _find_elements(tensor: InputTensor, binary_data: memoryview) -> list[Any] | memoryview:
    size = tensor.parameters.binary_data_size
    if (size is None) == (tensor.data is None):
        raise _invalid(_input_loc("data"), "give either `data` or `parameters.binary_data_size`")
    if size is None:
        if binary_data:
            raise _invalid(
                _input_loc("data"),
                f"{len(binary_data)} bytes follow the JSON although `data` is given; remove one "
                "of them",
            )
        assert tensor.data is not None  # noqa: S101 - one of the two is given
        return tensor.data
    if size != len(binary_data):
        raise _invalid(
            _input_loc("parameters", "binary_data_size"),
            f"{size}, but {len(binary_data)} bytes follow the JSON "
            "(Inference-Header-Content-Length is the length of the JSON)",
        )
    return binary_data


def _split_elements(packed: memoryview) -> list[bytes]:
    elements: list[bytes] = []
    position = 0
    while position < len(packed):
        start = position + _LENGTH.size
        if start > len(packed):
            raise _invalid(
                _input_loc("data"), f"the length of element {len(elements)} is incomplete"
            )
        (length,) = _LENGTH.unpack_from(packed, position)
        position = start + length
        if position > len(packed):
            raise _invalid(
                _input_loc("data"), f"element {len(elements)} is shorter than its {length} bytes"
            )
        elements.append(bytes(packed[start:position]))
    return elements


def _decode_base64(elements: list[Any]) -> list[bytes]:
    files: list[bytes] = []
    for element in elements:
        text = element[0] if isinstance(element, list) and len(element) == 1 else element
        try:
            files.append(base64.b64decode(text, validate=True))
        except (binascii.Error, TypeError, ValueError) as error:
            raise _invalid(
                _input_loc("data"),
                f"element {len(files)} is not base64",
                ("image files in base64",),
            ) from error
    return files


def _flatten(elements: list[Any]) -> bytes:
    allowed = ("integers from 0 to 255",)
    rows = elements
    while rows and isinstance(rows[0], list):
        if not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
            raise _invalid(_input_loc("data"), "the rows have different lengths", allowed)
        rows = list(chain.from_iterable(rows))
    # Checked before numpy sees them: one long string among them takes gigabytes.
    if not set(map(type, rows)) <= {int} or (rows and not 0 <= min(rows) <= max(rows) <= 255):  # noqa: PLR2004 - a byte
        raise _invalid(_input_loc("data"), "an element is not a byte", allowed)
    return bytes(rows)


def _input_loc(*field: str) -> tuple[str | int, ...]:
    return ("body", "inputs", 0, *field)


def _invalid(
    loc: tuple[str | int, ...], message: str, allowed: tuple[str, ...] | None = None
) -> ValidationFailed:
    text = f"`{'.'.join(map(str, loc[1:]))}`: {message}."
    return ValidationFailed(InputProblem(loc, text, allowed))
