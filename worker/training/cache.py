"""Decoded images in memory-mapped files, shared by the jobs of a machine.

A file holds images of a dataset in one form, one after the other, and is never changed.
The least recently used files are deleted when the folder would exceed its limit.
"""

import errno
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from app.ml.images.pil_decoding import decoded_image
from app.ml.images.preprocessing import PreprocessingSpec, eval_pixels, to_pixels
from app.space import find_free_bytes
from worker.pool import map_in_threads
from worker.training.data import Sample

_SOURCE_SCALE = 2
"""An image is cached with at most this many input sizes along its shorter side: a random crop of
half that side is still not enlarged."""

_ABANDONED_SECONDS = 3600.0
"""A partial file that has not grown for this long was abandoned by its writer."""

OnImage = Callable[[], None]
"""A callback, called after each decoded image."""


@dataclass(frozen=True)
class Form:
    """A form in which images are cached: its name, and how an image is converted to it."""

    name: str
    render: Callable[[Image.Image], Tensor]
    measure: Callable[[int, int], tuple[int, int]]
    """Maps width and height of an image to those in this form."""

    def keeps(self, width: int, height: int) -> bool:
        """Return whether an image of this size keeps its size in this form."""
        return self.measure(width, height) == (width, height)


def eval_form(spec: PreprocessingSpec) -> Form:
    """Return the form for validation: uint8 [3, input_size, input_size]."""
    size = spec.input_size
    return Form(
        f"eval-{spec.resize_size}-{size}-{spec.interpolation}",
        lambda image: eval_pixels(to_pixels(image), spec),
        lambda _width, _height: (size, size),
    )


def source_form(spec: PreprocessingSpec) -> Form:
    """Return the form for random crops: uint8 [3, height, width], large images made smaller."""
    longest_short_side = _SOURCE_SCALE * spec.input_size

    def measure(width: int, height: int) -> tuple[int, int]:
        scale = min(longest_short_side / min(width, height), 1.0)
        return max(round(width * scale), 1), max(round(height * scale), 1)

    def render(image: Image.Image) -> Tensor:
        size = measure(*image.size)
        resampled = image if size == image.size else image.resize(size, Image.Resampling.BICUBIC)
        return to_pixels(resampled)

    return Form(f"source-{longest_short_side}", render, measure)


class CachedImages:
    """The images of some samples in one form, by image id, read from a mapped file."""

    def __init__(self, pixels: Tensor, places: dict[int, tuple[int, int, int]]) -> None:
        self.pixels = pixels
        self._places = places

    def moved_to(self, device: torch.device) -> "CachedImages":
        """Return the same images in a device's memory."""
        return CachedImages(self.pixels.to(device), self._places)

    def locate(self, sample: Sample) -> tuple[int, int, int]:
        """Return the position of an image's first pixel among all pixels, its width and height."""
        offset, width, height = self._places[sample.image_id]
        return offset // 3, width, height

    def __contains__(self, sample: Sample) -> bool:
        return sample.image_id in self._places

    def __call__(self, sample: Sample) -> Tensor:
        """Return uint8 [3, height, width], a view of the file."""
        offset, width, height = self._places[sample.image_id]
        return (
            self.pixels[offset : offset + width * height * 3]
            .view(height, width, 3)
            .permute(2, 0, 1)
        )


@dataclass(frozen=True)
class ImageCache:
    """A folder of cached images, at most max_bytes in all; floor_bytes of its disk stay free."""

    folder: Path
    max_bytes: int
    floor_bytes: int = 0

    def open(
        self,
        samples: Sequence[Sample],
        form: Form,
        *,
        num_threads: int,
        on_image: OnImage,
    ) -> CachedImages | None:
        """Return the images of these samples; decode them first if they are not cached.

        The storage names images by their contents. A cache file is therefore found by the names and
        sizes of its images, and datasets with the same images share it.
        Returns None if the images exceed the folder's limit or the free space above the floor.
        """
        places, num_bytes = _plan(samples, form)
        path = self.folder / f"{_name(samples, form)}.pixels"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._make_room(num_bytes):
                return None
            images = _decode(samples, form, num_threads)
            try:
                _write(path, images, on_image)
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                    raise
                return None
        os.utime(path)
        pixels = torch.from_file(str(path), shared=False, size=num_bytes, dtype=torch.uint8)
        return CachedImages(pixels, places)

    def has(self, samples: Sequence[Sample], form: Form) -> bool:
        """Return whether these images are cached in this form."""
        return (self.folder / f"{_name(samples, form)}.pixels").is_file()

    def _make_room(self, num_bytes: int) -> bool:
        """Delete the least recently used files; return whether the new file fits."""
        for touched, _, path in self._list_files("*.part"):
            if time.time() - touched > _ABANDONED_SECONDS:
                path.unlink(missing_ok=True)
        files = self._list_files("*.pixels")
        total = sum(size for _, size, _ in files)
        excess = max(total + num_bytes - self.max_bytes, self._count_missing_bytes(num_bytes))
        if num_bytes > self.max_bytes or excess > total:
            return False
        for _, freed, path in files:
            if excess <= 0:
                break
            excess -= freed
            path.unlink(missing_ok=True)
        # A deleted file takes space until the last job that reads it has ended.
        return self._count_missing_bytes(num_bytes) <= 0

    def _count_missing_bytes(self, num_bytes: int) -> int:
        """Return how many bytes the disk lacks for a new file above the floor."""
        free = find_free_bytes(self.folder)
        return 0 if free is None else self.floor_bytes + num_bytes - free

    def _list_files(self, pattern: str) -> list[tuple[float, int, Path]]:
        """List time of last use, bytes and path, least recently used first."""
        files = []
        for path in self.folder.glob(pattern):
            with suppress(FileNotFoundError):  # another job may have deleted it
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        return sorted(files)


def decode(sample: Sample, form: Form) -> Tensor:
    """Decode one image in a form, without a cache."""
    with decoded_image(sample.path) as image:
        return form.render(image)


def _name(samples: Sequence[Sample], form: Form) -> str:
    images = [(sample.path.name, form.measure(sample.width, sample.height)) for sample in samples]
    return hashlib.sha256(repr((form.name, images)).encode()).hexdigest()


def _plan(samples: Sequence[Sample], form: Form) -> tuple[dict[int, tuple[int, int, int]], int]:
    """Return offset, width and height of each image, and the bytes of all."""
    places: dict[int, tuple[int, int, int]] = {}
    offset = 0
    for sample in samples:
        width, height = form.measure(sample.width, sample.height)
        places[sample.image_id] = (offset, width, height)
        offset += width * height * 3
    return places, offset


def _decode(samples: Sequence[Sample], form: Form, num_threads: int) -> Iterator[Tensor]:
    def render(sample: Sample) -> Tensor:
        torch.set_num_threads(1)  # for this thread; torch would start a pool in each
        return decode(sample, form)

    return map_in_threads(render, samples, num_threads=num_threads)


def _write(path: Path, images: Iterator[Tensor], on_image: OnImage) -> None:
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            for image in images:
                file.write(image.permute(1, 2, 0).contiguous().numpy().data)
                on_image()
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
