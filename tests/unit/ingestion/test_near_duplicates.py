"""Near-duplicates are found across splits; different images are not reported."""

import io
import zipfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from app.datasets.manifest import ImageRecord, Split
from app.ml.images.pil_decoding import decode_image
from worker.ingestion.near_duplicates import MAX_DISTANCE, compute_perceptual_hash, find_near_leaks


def draw_scene(seed: int, *, width: int = 320, height: int = 240) -> Image.Image:
    """Draw smooth blobs of light and colour, as in an unsharp photograph."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def compress(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return decode_image(file.getvalue())


def distance(one: Image.Image, other: Image.Image) -> int:
    hashes = compute_perceptual_hash(one), compute_perceptual_hash(other)
    assert hashes[0] is not None
    assert hashes[1] is not None
    return (hashes[0] ^ hashes[1]).bit_count()


def near_copies(image: Image.Image) -> Iterator[Image.Image]:
    width, height = image.size
    yield compress(image, 40)
    yield compress(image.resize((width // 2, height // 2)), 60)
    yield image.convert("L").convert("RGB")
    yield ImageEnhance.Contrast(image).enhance(0.8)


def record(split: Split, path: str) -> ImageRecord:
    return ImageRecord(
        image_id=1,
        split=split,
        class_name="ants",
        path=path,
        key="k",
        sha256=path,
        num_bytes=1,
        width=1,
        height=1,
    )


@pytest.mark.parametrize("seed", range(5))
def test_near_duplicates_have_similar_hashes(seed: int) -> None:
    scene = draw_scene(seed)
    assert [distance(scene, copy) <= MAX_DISTANCE for copy in near_copies(scene)] == [True] * 4


def test_different_scenes_have_different_hashes() -> None:
    scenes = [draw_scene(seed) for seed in range(20)]
    assert min(distance(one, other) for one, other in combinations(scenes, 2)) > 2 * MAX_DISTANCE


def test_a_hash_has_as_many_ones_as_zeros_or_none_at_all() -> None:
    hashed = compute_perceptual_hash(draw_scene(1))
    assert hashed is not None
    assert hashed.bit_count() == 32
    assert compute_perceptual_hash(Image.new("RGB", (64, 64), (9, 200, 30))) is None
    assert compute_perceptual_hash(Image.new("L", (1, 1)).convert("RGB")) is None


def test_pairs_are_across_splits_and_name_the_nearest() -> None:
    records = [
        record("train", "train/far"),
        record("train", "train/near"),
        record("train", "train/nearest"),
        record("val", "val/copy"),
        record("val", "val/copy again"),
        record("val", "val/other"),
        record("test", "test/other"),
        record("test", "test/as far"),
        record("test", "test/plain"),
    ]
    hashes = {
        "train/far": 0b1111111,
        "train/near": 0b111,
        "train/nearest": 0b1,
        "val/copy": 0,
        "val/copy again": 0,
        "val/other": 2**64 - 1,
        "test/other": 2**64 - 2,
        "test/as far": 0b111_1111_1111,
        "test/plain": None,
    }
    assert find_near_leaks(records, hashes, leaked=["val/copy again"]) == [
        ("train/nearest", "val/copy"),
        ("val/other", "test/other"),
        ("train/far", "test/as far"),
    ]


def test_the_limit_is_inclusive() -> None:
    records = [record("train", "t"), record("val", "v")]
    assert find_near_leaks(records, {"t": 0, "v": 2**MAX_DISTANCE - 1}) == [("t", "v")]
    assert find_near_leaks(records, {"t": 0, "v": 2 ** (MAX_DISTANCE + 1) - 1}) == []


def test_many_images_are_compared_in_parts() -> None:
    random = np.random.default_rng(0)
    drawn = [int(value) for value in random.integers(0, 2**63, 600, dtype=np.uint64)]
    records = [record("train", f"t{n}") for n in range(300)]
    records += [record("val", f"v{n}") for n in range(300)]
    hashes = {f"t{n}": drawn[n] for n in range(300)} | {f"v{n}": drawn[300 + n] for n in range(300)}
    hashes["v250"] = hashes["t7"] ^ 0b11
    assert find_near_leaks(records, hashes) == [("t7", "v250")]


@pytest.mark.shared
def test_no_two_different_photographs_are_near_duplicates(shared_dir: Path) -> None:
    with zipfile.ZipFile(shared_dir / "data" / "hymenoptera_data.zip") as archive:
        paths = [path for path in archive.namelist() if path.endswith(".jpg")]
        photographs = {path: decode_image(archive.read(path)) for path in paths}
    hashes = {path: compute_perceptual_hash(image) for path, image in photographs.items()}
    records = [record("train" if "/train/" in path else "val", path) for path in paths]
    assert find_near_leaks(records, hashes) == []
    halved = paths[::40]
    for path in halved:
        image = photographs[path]
        smaller = image.resize((image.width // 2, image.height // 2))
        hashes[f"half of {path}"] = compute_perceptual_hash(compress(smaller, 60))
    records = [record("train", path) for path in paths]
    records += [record("val", f"half of {path}") for path in halved]
    assert find_near_leaks(records, hashes) == [(path, f"half of {path}") for path in halved]
