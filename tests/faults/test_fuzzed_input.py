"""Parsers of untrusted input with mutated input: only their own errors, and bounded memory.

Each test has a short form with few examples, always the same ones, and a long form with many new
ones (`make faults`).
"""

import gzip
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from app.datasets.archive.limits import ArchiveLimits
from app.datasets.archive.reading import read_archive
from app.errors import (
    ArchiveError,
    BadJson,
    BodyIncomplete,
    BodyTooLarge,
    ImageCorrupt,
    ImageTooLarge,
    UnsupportedImage,
    ValidationFailed,
)
from app.ml.images.formats import FORMATS
from app.ml.images.pil_decoding import read_header
from app.ml.images.tensor_decoding import decode_pixels
from app.open_inference.input_tensors import Limits, read_images, read_request
from app.web.json_body import parse_json
from tests.images import draw_picture
from tests.unit.datasets.archives import DEFLATED, ZipEntry, pax_record, tar_entry, tar_of, zip_of
from tests.unit.datasets.reading import standard_tar, standard_zip, zstd
from tests.unit.test_multipart import FORM, read_form, request_of

MIB = 1024 * 1024
NUM_EXAMPLES = [
    pytest.param(60, id="short"),
    pytest.param(20_000, id="long", marks=[pytest.mark.faults, pytest.mark.timeout(3600)]),
]
Run = Callable[[bytes], object]

TAR = tar_of(
    tar_entry(b"pax", pax_record("path", "ants/é.jpg") + pax_record("size", "7"), kind=b"x"),
    tar_entry(b"short"),
    tar_entry(b"global", pax_record("comment", "c"), kind=b"g"),
    tar_entry(b"long", b"bees/" + b"n" * 150, kind=b"L"),
    tar_entry(b"cut"),
    tar_entry(b"ants", b"", kind=b"5"),
)
ARCHIVES = {
    "tar": TAR,
    "zip": zip_of(ZipEntry(b"ants/1.jpg"), ZipEntry(b"bees/2.jpg", b"x" * 500, DEFLATED)),
    "zip64": standard_zip(force_zip64=True)[:3000] + standard_zip(force_zip64=True)[-800:],
    "pax": standard_tar()[:8000],
    "gzip": gzip.compress(TAR, mtime=0),
    "zstd": zstd(TAR),
}
NUMBERS = b"0123456789 -+=\n\0\xff\x7f\x80"
LIMITS = ArchiveLimits(max_files=1000, max_unpacked_bytes=20 * MIB)


def encode_all() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "camera", 72.0
    forms = {}
    for one in FORMATS:
        file = io.BytesIO()
        options = {"exif": exif} if one.name in {"JPEG", "PNG", "WEBP", "TIFF", "AVIF"} else {}
        draw_picture(size=(40, 30)).save(file, one.name, **options)
        forms[one.name] = file.getvalue()
    variants: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("progressive", "JPEG", {"progressive": True, "exif": exif}),
        ("LZW", "TIFF", {"compression": "tiff_lzw"}),
        ("JPEG in TIFF", "TIFF", {"compression": "jpeg"}),
    )
    for name, kind, how in variants:
        file = io.BytesIO()
        draw_picture(size=(40, 30)).save(file, kind, **how)
        forms[name] = file.getvalue()
    file = io.BytesIO()
    Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20)).save(file, "PNG")
    forms["16 bits"] = file.getvalue()
    return forms


IMAGES = encode_all()
JSON_SEED = (
    b'{"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 2, 1, 3], '
    b'"data": [1, 2, 3, 250, [5], 1e3], "parameters": {"binary_data_size": 6}}], "x": "\\u00e9"}'
)


@st.composite
def mutations(draw: st.DrawFn, seed: bytes) -> bytes:
    """Draw a seed with some bytes replaced, removed, repeated or inserted, or cut off."""
    content = bytearray(seed)
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, max(len(content) - 1, 0)))
        length = draw(st.integers(1, 12))
        match draw(st.sampled_from(("replace", "numbers", "remove", "repeat", "cut", "integer"))):
            case "replace":
                content[place : place + length] = draw(st.binary(min_size=length, max_size=length))
            case "numbers":
                content[place : place + 1] = bytes([draw(st.sampled_from(NUMBERS))])
            case "remove":
                del content[place : place + length]
            case "repeat":
                piece = content[place : place + length * 8]
                content[place:place] = piece * draw(st.integers(1, 40))
            case "integer":
                is_little = draw(st.booleans())
                value = draw(
                    st.sampled_from((0, 1, 0x7F, 0xFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF))
                )
                content[place : place + 4] = value.to_bytes(4, "little" if is_little else "big")
            case "cut":
                del content[place:]
    return bytes(content)


def fuzz(seed: bytes, num_examples: int, run: Run) -> None:
    """Call run with mutations of the seed."""

    @settings(
        max_examples=num_examples,
        deadline=None,
        database=None,
        derandomize=num_examples < 1000,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutations(seed))
    def check(content: bytes) -> None:
        run(content)

    check()


@contextmanager
def bounded(num_bytes: int) -> Iterator[None]:
    """Fail if the block's Python objects take more memory than that at a time."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < num_bytes


@pytest.mark.parametrize("num_examples", NUM_EXAMPLES)
@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(tmp_path: Path, name: str, num_examples: int) -> None:
    path = tmp_path / "upload"

    def run(content: bytes) -> None:
        path.write_bytes(content)
        with bounded(48 * MIB):  # zstandard gives up to 32 MiB at a time
            try:
                for entry in read_archive(path, LIMITS):
                    assert ".." not in entry.path.split("/")
                    assert not entry.path.startswith("/")
                    for piece in entry.content:
                        assert len(piece) <= 64 * 1024
            except ArchiveError:
                pass

    fuzz(ARCHIVES[name], num_examples, run)


@pytest.mark.parametrize("num_examples", NUM_EXAMPLES)
@pytest.mark.parametrize("name", IMAGES)
def test_images_and_their_exif(name: str, num_examples: int) -> None:
    def run(content: bytes) -> None:
        with bounded(24 * MIB):
            try:
                header = read_header(content, max_pixels=500_000)
                pixels = decode_pixels(content, max_pixels=500_000)
            except (UnsupportedImage, ImageCorrupt, ImageTooLarge):
                return
        assert pixels.numel() == 3 * header.num_pixels

    fuzz(IMAGES[name], num_examples, run)


@pytest.mark.parametrize("num_examples", NUM_EXAMPLES)
def test_forms(num_examples: int) -> None:
    def run(content: bytes) -> None:
        chunks = [content[start : start + 61] for start in range(0, len(content), 61)]
        with bounded(MIB):
            try:
                parts = read_form(request_of(chunks), max_bytes=4000)
            except (BodyIncomplete, BodyTooLarge, ValidationFailed):
                return
        assert all(len(content) <= 4000 for *_, content in parts)

    fuzz(FORM, num_examples, run)


@pytest.mark.parametrize("num_examples", NUM_EXAMPLES)
def test_json(num_examples: int) -> None:
    def run(content: bytes) -> None:
        with bounded(4 * MIB):
            try:
                value = parse_json(content)
            except (BadJson, ValidationFailed):
                return
        assert json.loads(json.dumps(value)) == value

    fuzz(JSON_SEED, num_examples, run)


@pytest.mark.parametrize("num_examples", NUM_EXAMPLES)
def test_requests_of_the_open_inference_protocol(num_examples: int) -> None:
    limits = Limits(max_images=4, max_bytes=1000, max_pixels=10_000)
    length = len(JSON_SEED)

    def run(content: bytes) -> None:
        with bounded(4 * MIB):
            try:
                request, data = read_request(content, min(length, len(content)))
                images: Any = read_images(request.inputs[0], data, limits)
            except (BadJson, ValidationFailed, BodyTooLarge, ImageTooLarge):
                return
        assert 1 <= len(images) <= 4

    fuzz(JSON_SEED + bytes(range(6)), num_examples, run)


def test_mutations_reach_both_outcomes() -> None:
    """A fuzz test whose input is always refused, or never, would find nothing."""
    outcomes = set()

    def run(content: bytes) -> None:
        try:
            read_header(content)
        except (UnsupportedImage, ImageCorrupt):
            outcomes.add("refused")
        else:
            outcomes.add("read")

    fuzz(IMAGES["PNG"], 60, run)
    assert outcomes == {"read", "refused"}
