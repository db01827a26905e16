import errno
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import pytest
import torch
from PIL import Image

from app.errors import UnsupportedImage
from app.ml.images.pil_decoding import decode_image
from app.ml.images.preprocessing import PreprocessingSpec, prepare_eval, to_pixels
from tests.images import draw_picture
from worker.training import cache as cache_module
from worker.training.cache import (
    CachedImages,
    Form,
    ImageCache,
    decode,
    eval_form,
    source_form,
)
from worker.training.data import Sample

SPEC = PreprocessingSpec(input_size=24, resize_size=32, interpolation="bicubic")
FORMS = {"eval": eval_form(SPEC), "source": source_form(SPEC)}
SIZES = [(40, 30), (30, 40), (200, 150), (1, 60), (24, 24), (48, 48), (97, 49)]
"""Small, large, and as narrow as can be."""


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Pictures of several sizes, their files named by what is in them."""
    made = []
    for number, size in enumerate(SIZES, 1):
        path = tmp_path / "images" / f"picture-{number}"
        path.parent.mkdir(exist_ok=True)
        draw_picture(seed=number, size=size).save(path, "PNG")
        made.append(Sample(number, path, number % 2, *size))
    return made


class Decoding:
    """Counts the images that were decoded."""

    def __init__(self) -> None:
        self.num_images = 0

    def __call__(self) -> None:
        self.num_images += 1


def open_images(
    cache: ImageCache,
    samples: Sequence[Sample],
    form: Form,
    *,
    num_threads: int = 2,
    decoding: Decoding | None = None,
) -> CachedImages | None:
    on_image = decoding or Decoding()
    return cache.open(samples, form, num_threads=num_threads, on_image=on_image)


def list_files(cache: ImageCache) -> list[Path]:
    return sorted(cache.folder.iterdir()) if cache.folder.exists() else []


@pytest.fixture
def cache(tmp_path: Path) -> ImageCache:
    return ImageCache(tmp_path / "cache", 10**7)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("num_threads", [1, 3])
def test_what_is_read_is_what_decoding_gives(
    cache: ImageCache, samples: list[Sample], form: Form, num_threads: int
) -> None:
    decoding = Decoding()
    images = open_images(cache, samples, form, num_threads=num_threads, decoding=decoding)
    assert decoding.num_images == len(samples)
    assert images is not None
    for sample in samples:
        assert sample in images
        pixels = images(sample)
        assert pixels.dtype is torch.uint8
        assert torch.equal(pixels, decode(sample, form))
    assert len(list_files(cache)) == 1, "no part of a file is left"


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_next_job_decodes_nothing(cache: ImageCache, samples: list[Sample], form: Form) -> None:
    open_images(cache, samples, form)
    again = Decoding()
    images = open_images(cache, samples, form, decoding=again)
    assert again.num_images == 0
    assert images is not None
    assert all(torch.equal(images(sample), decode(sample, form)) for sample in samples)


def test_an_image_in_eval_form_is_what_serving_makes_of_it(samples: list[Sample]) -> None:
    for sample in samples:
        served = prepare_eval(decode_image(sample.path), SPEC)
        ours = (decode(sample, FORMS["eval"]) / 255.0).permute(1, 2, 0)
        assert torch.allclose(
            (ours - torch.tensor(SPEC.mean)) / torch.tensor(SPEC.std),
            served.permute(1, 2, 0),
            atol=1e-6,
        )


def test_large_photographs_shrink_in_source_form_and_small_ones_stay(
    samples: list[Sample],
) -> None:
    form = FORMS["source"]
    for sample in samples:
        pixels = decode(sample, form)
        assert tuple(pixels.shape[1:]) == form.measure(sample.width, sample.height)[::-1]
        shorter = min(sample.width, sample.height)
        assert min(pixels.shape[1:]) == min(shorter, 2 * SPEC.input_size)
        kept = form.keeps(sample.width, sample.height)
        assert kept is (shorter <= 2 * SPEC.input_size)
        if kept:
            assert torch.equal(pixels, to_pixels(decode_image(sample.path)))


def test_images_are_told_apart_by_their_contents_not_by_their_numbers(
    cache: ImageCache, samples: list[Sample]
) -> None:
    """Numbers follow the names of files, which the same pictures may have otherwise elsewhere."""
    form = FORMS["source"]
    open_images(cache, samples, form)
    others = [
        Sample(number, sample.path, sample.target, sample.width, sample.height)
        for number, sample in enumerate(reversed(samples), 1)
    ]
    images = open_images(cache, others, form)
    assert images is not None
    assert all(torch.equal(images(sample), decode(sample, form)) for sample in others)


def test_another_size_or_filter_is_another_file(cache: ImageCache, samples: list[Sample]) -> None:
    specs = [
        SPEC,
        SPEC.model_copy(update={"input_size": 20}),
        SPEC.model_copy(update={"resize_size": 40}),
        SPEC.model_copy(update={"interpolation": "bilinear"}),
    ]
    for spec in specs:
        decoding = Decoding()
        images = open_images(cache, samples, eval_form(spec), decoding=decoding)
        assert decoding.num_images == len(samples)
        assert images is not None
        assert torch.equal(images(samples[0]), decode(samples[0], eval_form(spec)))


def test_what_was_used_longest_ago_makes_way(cache: ImageCache, samples: list[Sample]) -> None:
    form = FORMS["eval"]
    num_bytes = 3 * SPEC.input_size**2
    small = ImageCache(cache.folder, 3 * num_bytes)
    paths = {}
    for number, sample in enumerate(samples[:3]):
        before = set(list_files(small))
        open_images(small, [sample], form)
        (paths[number],) = set(list_files(small)) - before
        os.utime(paths[number], (1000 + number, 1000 + number))
    open_images(small, [samples[0]], form)
    open_images(small, [samples[3]], form)
    left = set(list_files(small))
    assert paths[0] in left, "it was just used"
    assert paths[1] not in left
    assert paths[2] in left
    assert sum(path.stat().st_size for path in left) <= small.max_bytes


def test_what_is_in_use_can_still_be_read_after_it_made_way(
    cache: ImageCache, samples: list[Sample]
) -> None:
    form = FORMS["eval"]
    small = ImageCache(cache.folder, 3 * SPEC.input_size**2)
    images = open_images(small, [samples[0]], form)
    open_images(small, [samples[1]], form)
    assert len(list_files(small)) == 1
    assert images is not None
    assert torch.equal(images(samples[0]), decode(samples[0], form))


def test_more_than_the_cache_may_hold_is_not_decoded(
    cache: ImageCache, samples: list[Sample]
) -> None:
    form = FORMS["eval"]
    small = ImageCache(cache.folder, 7 * 3 * SPEC.input_size**2 - 1)
    open_images(small, samples[:2], form)
    kept = list_files(small)
    decoding = Decoding()
    assert open_images(small, samples, form, decoding=decoding) is None
    assert decoding.num_images == 0
    assert list_files(small) == kept, "nothing made way for what does not fit anyhow"


class SmallDisk:
    """The free space of a disk that holds the cache and nothing else."""

    def __init__(self, cache: ImageCache, num_bytes: int) -> None:
        self.cache = cache
        self.num_bytes = num_bytes

    def __call__(self, _folder: Path) -> int:
        return self.num_bytes - sum(path.stat().st_size for path in list_files(self.cache))


def test_the_floor_of_the_disk_stays_free(
    cache: ImageCache, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    form, num_bytes = FORMS["eval"], 3 * SPEC.input_size**2
    monkeypatch.setattr(cache_module, "find_free_bytes", SmallDisk(cache, 5 * num_bytes))
    careful = ImageCache(cache.folder, cache.max_bytes, floor_bytes=2 * num_bytes)
    for number, sample in enumerate(samples[:3]):
        assert open_images(careful, [sample], form) is not None
        (newest,) = (path for path in list_files(cache) if path.stat().st_mtime > 5000)
        os.utime(newest, (1000 + number, 1000 + number))
    kept = list_files(cache)
    decoding = Decoding()
    assert open_images(careful, samples[:4], form, decoding=decoding) is None
    assert (decoding.num_images, list_files(cache)) == (0, kept), "room for three above the floor"
    assert open_images(careful, [samples[3]], form) is not None
    assert len(list_files(cache)) == 3, "the least recently used one made way"
    monkeypatch.setattr(cache_module, "find_free_bytes", lambda _: 2 * num_bytes)
    assert open_images(careful, [samples[4]], form) is None, "deleted, but still mapped by a job"


class FullDisk:
    """A new file on a disk that takes so many bytes and no more."""

    def __init__(self, file: BinaryIO, error: int) -> None:
        self._file = file
        self._error = error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, content: memoryview) -> int:
        if self._file.tell() > 3000:
            raise OSError(self._error, os.strerror(self._error))
        return self._file.write(content)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_leaves_no_trace_and_other_errors_are_raised(
    cache: ImageCache,
    samples: list[Sample],
    monkeypatch: pytest.MonkeyPatch,
    error: int,
) -> None:
    real = Path.open

    def open_path(path: Path, mode: str) -> Any:
        file = cast("BinaryIO", real(path, mode))
        return FullDisk(file, error) if "x" in mode else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", open_path)
        if error == errno.EIO:
            with pytest.raises(OSError, match="Input/output"):
                open_images(cache, samples, FORMS["eval"])
        else:
            assert open_images(cache, samples, FORMS["eval"]) is None
    assert list_files(cache) == []
    images = open_images(cache, samples, FORMS["eval"])
    assert images is not None
    assert torch.equal(images(samples[0]), decode(samples[0], FORMS["eval"]))


def test_a_picture_that_cannot_be_decoded_leaves_no_trace(
    cache: ImageCache, samples: list[Sample]
) -> None:
    samples[3].path.write_bytes(b"no picture")
    with pytest.raises(UnsupportedImage):
        open_images(cache, samples, FORMS["eval"])
    assert list_files(cache) == []


def test_jobs_may_open_the_same_images_at_once(cache: ImageCache, samples: list[Sample]) -> None:
    form = FORMS["source"]
    together = threading.Barrier(4)

    def work(_: int) -> bool:
        together.wait(60)
        images = open_images(cache, samples, form)
        assert images is not None
        return all(torch.equal(images(sample), decode(sample, form)) for sample in samples)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert len(list_files(cache)) == 1


def test_a_file_that_vanishes_while_there_is_a_look_for_room_is_gone_already(
    cache: ImageCache, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another job may have deleted it just then."""
    form = FORMS["eval"]
    open_images(cache, samples[:1], form)
    real = Path.glob

    def glob(folder: Path, pattern: str) -> Iterator[Path]:
        yield folder / "gone.pixels"
        yield from real(folder, pattern)

    monkeypatch.setattr(Path, "glob", glob)
    assert open_images(cache, samples[1:2], form) is not None


def test_what_a_killed_job_left_half_written_is_swept_in_time(
    cache: ImageCache, samples: list[Sample]
) -> None:
    cache.folder.mkdir()
    old, new = (cache.folder / f"{name}.pixels.0123.part" for name in ("old", "new"))
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (1000, 1000))
    open_images(cache, samples, FORMS["eval"])
    assert not old.exists()
    assert new.exists(), "another job may be writing it"


def test_decoding_goes_on_in_several_threads(
    cache: ImageCache, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two images are in work at once: each waits until the other has begun."""
    both = threading.Barrier(2)
    real = cache_module.decode

    def decode_together(sample: Sample, form: Form) -> torch.Tensor:
        both.wait(60)
        return real(sample, form)

    monkeypatch.setattr(cache_module, "decode", decode_together)
    images = open_images(cache, samples[:4], FORMS["eval"], num_threads=2)
    assert images is not None


def test_palette_and_grey_pictures_are_cached_as_rgb(cache: ImageCache, tmp_path: Path) -> None:
    made = []
    for number, mode in enumerate(("L", "P", "RGBA", "I;16"), 1):
        path = tmp_path / f"{number}"
        Image.new(mode, (30, 20), 200).save(path, "PNG")
        made.append(Sample(number, path, 0, 30, 20))
    for form in FORMS.values():
        images = open_images(cache, made, form)
        assert images is not None
        assert all(torch.equal(images(sample), decode(sample, form)) for sample in made)
