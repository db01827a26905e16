"""Parsing of Open Inference Protocol requests and of their input tensors."""

import base64
import json
import struct
from typing import Any

import numpy as np
import pytest

from app.errors import BadJson, BodyTooLarge, ImageTooLarge, ValidationFailed
from app.ml.images.pil_decoding import decode_image
from app.open_inference.input_tensors import Limits, read_images, read_request

LIMITS = Limits(max_images=3, max_bytes=100, max_pixels=64)
FILES = [b"first", b"", b"the third"]
PIXELS = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)


def pack(files: list[bytes]) -> bytes:
    return b"".join(struct.pack("<I", len(file)) + file for file in files)


def read(tensor: dict[str, Any], binary_data: bytes = b"", **members: Any) -> list[bytes]:
    content = json.dumps({"inputs": [{"name": "image"} | tensor]} | members).encode()
    request, rest = read_request(content + binary_data, len(content))
    return read_images(request.inputs[0], rest, LIMITS)


def in_binary(datatype: str, shape: list[int], binary_data: bytes, size: int | None = None) -> Any:
    size = len(binary_data) if size is None else size
    parameters = {"binary_data_size": size}
    return read({"datatype": datatype, "shape": shape, "parameters": parameters}, binary_data)


@pytest.mark.parametrize("shape", [[3], [3, 1]])
def test_files_follow_the_json_or_are_base64_in_it(shape: list[int]) -> None:
    assert in_binary("BYTES", shape, pack(FILES)) == FILES
    encoded: list[Any] = [base64.b64encode(file).decode() for file in FILES]
    assert read({"datatype": "BYTES", "shape": shape, "data": encoded}) == FILES
    rows = [[text] for text in encoded]
    assert read({"datatype": "BYTES", "shape": shape, "data": rows}) == FILES


@pytest.mark.parametrize("form", ["binary", "flat", "nested"])
def test_pixels_become_files_of_the_very_same_pixels(form: str) -> None:
    shape = list(PIXELS.shape)
    if form == "binary":
        files = in_binary("UINT8", shape, PIXELS.tobytes())
    else:
        data = (PIXELS.ravel() if form == "flat" else PIXELS).tolist()
        files = read({"datatype": "UINT8", "shape": shape, "data": data})
    for file, picture in zip(files, PIXELS, strict=True):
        assert np.array_equal(np.asarray(decode_image(file)), picture)


def test_unknown_fields_are_ignored() -> None:
    tensor = {"datatype": "BYTES", "shape": [1], "data": ["YQ=="], "unknown": 1}
    assert read(tensor, parameters={"priority": 1}, unknown=2) == [b"a"]


@pytest.mark.parametrize(
    ("shape", "binary_data", "size"),
    [
        pytest.param([3], pack(FILES)[:-1], None, id="last element cut"),
        pytest.param([3], pack(FILES) + b"\1\0", None, id="length cut"),
        pytest.param([2], pack(FILES), None, id="one too many"),
        pytest.param([3], pack(FILES[:2]), None, id="one too few"),
        pytest.param([1], struct.pack("<I", 2**32 - 1), None, id="length of 4 GiB"),
        pytest.param([3], pack(FILES), len(pack(FILES)) - 1, id="size too small"),
        pytest.param([3], pack(FILES), 2**31 - 1, id="size too large"),
        pytest.param([3], pack(FILES), -1, id="size negative"),
        pytest.param([0], b"", None, id="no image"),
        pytest.param([4], pack([b"x"] * 4), None, id="too many images"),
        pytest.param([1, 2], pack([b"x"] * 2), None, id="a matrix"),
        pytest.param([], b"", None, id="no shape"),
        pytest.param([2**40], b"", None, id="a huge shape"),
    ],
)
def test_files_that_do_not_match_the_shape_are_refused(
    shape: list[int], binary_data: bytes, size: int | None
) -> None:
    with pytest.raises(ValidationFailed):
        in_binary("BYTES", shape, binary_data, size)


@pytest.mark.parametrize(
    ("shape", "num_bytes"),
    [
        ([1, 2, 2, 3], 11),
        ([1, 2, 2, 3], 13),
        ([1, 2, 2, 3], 0),
        ([1, 2, 2, 4], 16),
        ([1, 3, 2, 2], 12),
        ([2, 2, 3], 12),
        ([1, 0, 2, 3], 0),
        ([0, 2, 2, 3], 0),
        ([4, 1, 1, 3], 12),
    ],
)
def test_pixels_that_do_not_match_the_shape_are_refused(shape: list[int], num_bytes: int) -> None:
    with pytest.raises(ValidationFailed):
        in_binary("UINT8", shape, bytes(num_bytes))


@pytest.mark.parametrize(
    "data",
    [
        [0] * 11,
        [0] * 11 + [256],
        [0] * 11 + [-1],
        [0] * 11 + [0.5],
        [0] * 11 + ["0"],
        [0] * 11 + [True],
        [0] * 11 + [[0]],
        [[0] * 6, 7],
        ["x" * 1_000_000] + [0] * 200_000,  # numpy makes all of them as long: 800 GB
        [False] * 12,
        [[0] * 11, [0]],
        [10**30] * 12,
        [None] * 12,
        [],
    ],
)
def test_elements_that_are_not_bytes_are_refused(data: list[Any]) -> None:
    with pytest.raises(ValidationFailed):
        read({"datatype": "UINT8", "shape": [1, 2, 2, 3], "data": data})


@pytest.mark.parametrize("element", ["not base64!", "YQ", 7, None, ["YQ==", "YQ=="], {"b64": ""}])
def test_an_element_that_is_not_base64_is_refused(element: Any) -> None:
    with pytest.raises(ValidationFailed):
        read({"datatype": "BYTES", "shape": [1], "data": [element]})


@pytest.mark.parametrize(
    "tensor",
    [
        {"shape": [1], "data": ["YQ=="]},
        {"datatype": "FP32", "shape": [1], "data": [0.5]},
        {"datatype": "BYTES", "shape": ["1"], "data": ["YQ=="]},
        {"datatype": "BYTES", "shape": [-1], "data": ["YQ=="]},
        {"datatype": "BYTES", "shape": [1.5], "data": ["YQ=="]},
        {"datatype": "BYTES", "shape": [1]},
        {"datatype": "BYTES", "shape": [1], "data": "YQ=="},
        {"datatype": "BYTES", "shape": [1], "parameters": {"shared_memory_region": "x"}},
        {"datatype": "BYTES", "shape": [1], "data": ["YQ=="], "name": "input_0"},
        {
            "datatype": "BYTES",
            "shape": [1],
            "data": ["YQ=="],
            "parameters": {"binary_data_size": 1},
        },
    ],
)
def test_missing_and_contradictory_fields_are_refused(tensor: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed):
        read(tensor)


def test_undeclared_binary_data_is_refused() -> None:
    with pytest.raises(ValidationFailed, match="follow the JSON"):
        read({"datatype": "BYTES", "shape": [1], "data": ["YQ=="]}, b"more")


def test_limits_apply_to_each_image() -> None:
    assert len(in_binary("BYTES", [1], pack([bytes(100)]))) == 1
    with pytest.raises(BodyTooLarge):
        in_binary("BYTES", [1], pack([bytes(101)]))
    assert len(in_binary("UINT8", [1, 8, 8, 3], bytes(192))) == 1
    with pytest.raises(ImageTooLarge):
        in_binary("UINT8", [1, 8, 9, 3], bytes(216))


@pytest.mark.parametrize(("body", "length"), [(b"{", None), (b"{}x", 1), (b"", None), (b"[]", 0)])
def test_invalid_json_is_refused(body: bytes, length: int | None) -> None:
    with pytest.raises(BadJson):
        read_request(body, length)


@pytest.mark.parametrize(("body", "length"), [(b"{}", 3), (b"[]", None), (b"{}", None)])
def test_an_invalid_length_or_request_is_refused(body: bytes, length: int | None) -> None:
    with pytest.raises(ValidationFailed):
        read_request(body, length)
