"""Pictures that are nearly the same: scaled, compressed again, lit a little differently.

The hash is pHash: the signs, about their median, of the lowest frequencies of a small greyscale
copy (Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, §3.2).
Pictures that have nothing in common differ in about half of the bits.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image

from app.datasets.manifest import ImageRecord

MAX_DISTANCE = 6
"""Bits of 64. Measured on 396 photographs: no two different ones came nearer than 14; of copies at
JPEG quality 40, at a third of the size, at half of it and quality 60, or brighter by a fifth, 99 %
lay within 6. By the spread of unlike photographs' distances, 31.3 ± 4.2, one pair in a thousand
million would."""

_SIDE = 32
_NUM_FREQUENCIES = 8
_SAMPLED_SIDE = 96
"""Pixels picked before averaging: all of them would take four times as long for nearly the same."""

_MIN_CONTRAST = 8
"""Levels of 255 between the darkest and the lightest: below, the bits are those of noise."""

_ROWS_AT_ONCE = 64

_WAVES = np.cos(
    np.pi * np.arange(_NUM_FREQUENCIES)[:, None] * (2 * np.arange(_SIDE)[None, :] + 1) / (2 * _SIDE)
).astype(np.float32)
"""The first rows of the discrete cosine transform, type II."""


def hash_picture(image: Image.Image) -> int | None:
    """The 64-bit perceptual hash of an RGB image; None where it is all but plain."""
    sampled = image.resize((_SAMPLED_SIDE, _SAMPLED_SIDE), Image.Resampling.NEAREST).convert("L")
    pixels = np.asarray(sampled.reduce(_SAMPLED_SIDE // _SIDE), dtype=np.float32)
    if pixels.max() - pixels.min() < _MIN_CONTRAST:
        return None
    frequencies = (_WAVES @ pixels @ _WAVES.T).ravel()
    middle = np.sort(frequencies[1:])[(len(frequencies) - 1) // 2]  # the mean brightness aside
    return int.from_bytes(np.packbits(frequencies > middle).tobytes())


def find_near_leaks(
    records: Iterable[ImageRecord], hashes: Mapping[str, int | None], *, leaked: Iterable[str] = ()
) -> list[tuple[str, str]]:
    """Pairs (path in train or val, path in a later split) at most MAX_DISTANCE apart.

    hashes are by path. Each image of val and test is there once at most, with the nearest of the
    splits before its own; the paths of leaked are passed over.
    """
    passed_over = set(leaked)
    paths: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for record in records:
        if hashes[record.path] is not None:
            paths[record.split].append(record.path)
    earlier: list[str] = []
    pairs: list[tuple[str, str]] = []
    for here in paths.values():
        later = [path for path in here if path not in passed_over]
        pairs += _pair(earlier, later, hashes)
        earlier += here
    return pairs


def _pair(
    earlier: list[str], later: list[str], hashes: Mapping[str, int | None]
) -> list[tuple[str, str]]:
    if not earlier or not later:
        return []
    known = np.array([hashes[path] for path in earlier], dtype=np.uint64)
    asked = np.array([hashes[path] for path in later], dtype=np.uint64)
    pairs: list[tuple[str, str]] = []
    for start in range(0, len(asked), _ROWS_AT_ONCE):
        distances = np.bitwise_count(asked[start : start + _ROWS_AT_ONCE, None] ^ known[None, :])
        nearest = distances.argmin(axis=1)
        near = distances[np.arange(len(nearest)), nearest] <= MAX_DISTANCE
        pairs += [(earlier[nearest[row]], later[start + row]) for row in near.nonzero()[0].tolist()]
    return pairs
