"""Thumbnails: names, decoding, and a storage without space."""

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image

from app.datasets.thumbnail_names import SIZES, find_image_key, round_up, thumbnail_key
from app.datasets.thumbnails import create_thumbnail, find_thumbnail, make_thumbnail
from app.errors import StorageFull
from app.ml.images.pil_decoding import decode_image
from app.storage import LocalStorage
from tests.images import draw_picture, encode


def test_every_size_has_a_stored_one() -> None:
    assert {round_up(size) for size in range(16, 1025)} == set(SIZES)
    assert [round_up(size) for size in (16, 64, 65, 1024)] == [64, 64, 128, 1024]


def test_the_key_of_a_thumbnail_leads_to_its_image() -> None:
    key = thumbnail_key("images/ab/abcd", 128)
    assert find_image_key(key) == "images/ab/abcd"
    assert find_image_key("images/ab/abcd") is None


def write_image(folder: Path, image_format: str, size: tuple[int, int]) -> Path:
    path = folder / f"image.{image_format}"
    path.write_bytes(encode(draw_picture(size=size), image_format))
    return path


def test_a_jpeg_is_decoded_at_a_fraction_of_its_size(tmp_path: Path) -> None:
    photograph = write_image(tmp_path, "JPEG", (1600, 1200))
    assert decode_image(photograph).size == (1600, 1200)
    assert decode_image(photograph, min_pixels=256).size == (400, 300)
    assert decode_image(photograph, min_pixels=150).size == (200, 150)
    assert decode_image(photograph, min_pixels=1500).size == (1600, 1200)
    assert decode_image(photograph, min_pixels=9000).size == (1600, 1200)
    lossless = write_image(tmp_path, "PNG", (1600, 1200))
    assert decode_image(lossless, min_pixels=150).size == (1600, 1200)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_fast_thumbnails_look_like_slow_ones(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "image"
    path.write_bytes(encode(draw_picture(size=(1601, 403)).convert(mode), "JPEG"))
    fast = make_thumbnail(path, size=128)
    slow = decode_image(path)
    slow.thumbnail((128, 128), Image.Resampling.LANCZOS)
    assert (fast.mode, fast.size) == ("RGB", slow.size)
    difference = np.asarray(fast).astype(int) - np.asarray(slow)
    assert np.abs(difference).mean() < 1.5


def test_a_very_long_image_keeps_its_shorter_side(tmp_path: Path) -> None:
    path = write_image(tmp_path, "JPEG", (2000, 3))
    assert make_thumbnail(path, size=64).size == (64, 1)


class FullStorage(LocalStorage):
    """A storage that can be read, on a disk without space."""

    @contextmanager
    def new_file(self, key: str) -> Iterator[BinaryIO]:
        raise StorageFull("The storage has no space left.") from OSError(errno.ENOSPC, key)
        yield


def test_a_full_storage_returns_thumbnails_without_storing_them(
    storage: LocalStorage, caplog: pytest.LogCaptureFixture
) -> None:
    with storage.new_file("images/ab/abcd") as file:
        file.write(encode(draw_picture()))
    full = FullStorage(storage.root)
    content = create_thumbnail(full, "images/ab/abcd", 64)
    assert Image.open(io.BytesIO(content)).size == (64, 48)
    assert find_thumbnail(full, "images/ab/abcd", 64) is None
    assert "was not stored" in caplog.text
    assert create_thumbnail(storage, "images/ab/abcd", 64) == content
    assert find_thumbnail(storage, "images/ab/abcd", 64) == content
