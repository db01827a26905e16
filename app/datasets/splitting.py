"""Split the images of an upload without splits into train and val."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

from app.datasets.manifest import Split


def num_val_images(num_images: int, val_fraction: float) -> int:
    """Return the number of validation images of one class: the fraction, rounded half up.

    Each split gets at least one image if there are two; a single image stays in train. The
    fraction is read as its shortest decimal, so that 0.145 of 100 is 14.5 and rounds to 15.
    """
    rounded = int(num_images * Fraction(repr(val_fraction)) + Fraction(1, 2))
    return max(min(rounded, num_images - 1), min(1, num_images - 1))


def split_train_val(
    images: Iterable[tuple[str, str, str]], *, val_fraction: float, split_seed: int
) -> dict[str, Split]:
    """Return the split of each path, stratified by class; images are (path, class name, sha256).

    The images of a class are ranked by a hash of the seed and their bytes. So the split depends
    neither on the archive's order nor on file names, and copies of an image stay in one split,
    except at most one group of copies per class.
    """
    by_class: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path, class_name, sha256 in images:
        by_class[class_name].append((_rank(split_seed, sha256), path))
    splits: dict[str, Split] = {}
    for ranked in by_class.values():
        num_val = num_val_images(len(ranked), val_fraction)
        for place, (_, path) in enumerate(sorted(ranked)):
            splits[path] = "val" if place < num_val else "train"
    return splits


def _rank(split_seed: int, sha256: str) -> str:
    return hashlib.sha256(f"{split_seed}:{sha256}".encode()).hexdigest()
