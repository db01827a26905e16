"""Prepare the benchmarks' datasets as folders of `train/<class>/…` and `val/<class>/…`.

The caller provides the photographs of ants and bees. The other images are generated, or taken from
scikit-learn. The same seed gives the same files.
"""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile, rmtree

import numpy as np
from PIL import Image

from benchmarks.drawn import Motif, draw_split, list_motifs
from benchmarks.tutorial_loop import find_split_folder

_PHOTOGRAPH_SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class Dataset:
    """A dataset ready to train on; input_size is the side of the networks' input in pixels."""

    name: str
    folder: Path
    input_size: int


@dataclass(frozen=True)
class _Source:
    """A dataset's source: make(folder, photographs, random) writes train and val."""

    input_size: int
    make: Callable[[Path, Path, np.random.Generator], None]


def prepare(name: str, work_dir: Path, photographs: Path, *, draw: int = 0) -> Dataset:
    """Make a dataset below work_dir, or find it there; draw is the seed that generates it.

    photographs: zip or folder of the tutorials' ants and bees.
    Raises KeyError for a name that is not in SOURCES.
    """
    source = SOURCES[name]
    folder = work_dir / (f"{name}-{draw}" if draw else name)
    if not folder.exists():
        part = folder.with_suffix(".part")
        rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        source.make(part, photographs, np.random.default_rng([draw, list(SOURCES).index(name)]))
        part.rename(folder)
    return Dataset(folder.name, folder, source.input_size)


def make_photographs(folder: Path, photographs: Path, _: np.random.Generator) -> None:
    """Copy all photographs of ants and bees."""
    source = _unpack(photographs, folder)
    for path in sorted(source.glob("*/*/*")):
        # The tutorial's zip contains one file that is not a photograph.
        if path.suffix.lower() in _PHOTOGRAPH_SUFFIXES:
            target = folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            copyfile(path, target)
    rmtree(folder / "unpacked", ignore_errors=True)


def make_few(folder: Path, photographs: Path, random: np.random.Generator) -> None:
    """Copy five random training photographs of each class, and every validation photograph."""
    _sample_train_images(folder, photographs, random, per_class=5)


def make_some(folder: Path, photographs: Path, random: np.random.Generator) -> None:
    """Copy twenty random training photographs of each class, and every validation photograph."""
    _sample_train_images(folder, photographs, random, per_class=20)


def make_many_classes(folder: Path, _: Path, random: np.random.Generator) -> None:
    """Draw 40 classes, eight shapes by five textures; 12 training and 6 validation images each.

    The class depends on both shape and texture, so a model must recognize them together.
    """
    motifs = list(list_motifs(8, ("plain", "stripes", "checks", "dots", "waves")))
    draw_split(folder / "train", dict.fromkeys(motifs, 12), random, noise=20)
    draw_split(folder / "val", dict.fromkeys(motifs, 6), random, noise=20)


def make_unequal_classes(folder: Path, _: Path, random: np.random.Generator) -> None:
    """Draw five shapes: 200, 80, 30, 12 and 5 training images, 40 validation images each."""
    motifs = [Motif(shape, None) for shape in ("disc", "square", "ring", "hourglass", "heart")]
    counts = dict(zip(motifs, (200, 80, 30, 12, 5), strict=True))
    draw_split(folder / "train", counts, random, noise=30)
    draw_split(folder / "val", dict.fromkeys(motifs, 40), random, noise=30)


def make_tiny(folder: Path, _: Path, random: np.random.Generator) -> None:
    """Write handwritten digits of 8 x 8 pixels, 20 training and 50 validation images of each.

    Source: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998), as packaged in
    scikit-learn.
    """
    from sklearn.datasets import load_digits  # noqa: PLC0415 - only this dataset needs it

    digits = load_digits()
    for digit in range(10):
        chosen = random.permutation(np.flatnonzero(digits.target == digit))[:70]
        for number, index in enumerate(chosen):
            split = "train" if number < 20 else "val"  # noqa: PLR2004 - as the docstring says
            path = folder / split / str(digit) / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            levels = (digits.images[index] * (255 / 16)).astype(np.uint8)
            Image.fromarray(levels).save(path)


SOURCES: dict[str, _Source] = {
    "ants-and-bees": _Source(224, make_photographs),
    "few": _Source(224, make_few),
    "some": _Source(224, make_some),
    "many-classes": _Source(128, make_many_classes),
    "unequal-classes": _Source(128, make_unequal_classes),
    "tiny": _Source(64, make_tiny),
}


def _sample_train_images(
    folder: Path, photographs: Path, random: np.random.Generator, *, per_class: int
) -> None:
    make_photographs(folder, photographs, random)
    for class_folder in sorted((folder / "train").iterdir()):
        paths = sorted(class_folder.iterdir())
        for index in random.permutation(len(paths))[per_class:]:
            paths[index].unlink()


def _unpack(photographs: Path, folder: Path) -> Path:
    """Return the folder that holds train and val; a zip is unpacked below folder first."""
    if photographs.is_dir():
        return find_split_folder(photographs)
    unpacked = folder / "unpacked"
    if not unpacked.exists():
        with zipfile.ZipFile(photographs) as archive:
            archive.extractall(unpacked)
    return find_split_folder(unpacked)
