"""The data sets of the benchmarks, each as `train/<class>/…` and `val/<class>/…` in a folder.

Ants and bees are photographs that the caller has; the others are drawn, or taken from
scikit-learn's package. The same seed gives the same files.
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
class DataSet:
    """A data set ready to train on; input_size is what networks are fed with, in pixels."""

    name: str
    folder: Path
    input_size: int


@dataclass(frozen=True)
class _Source:
    """make writes train and val into an empty folder: (folder, photographs, random)."""

    input_size: int
    make: Callable[[Path, Path, np.random.Generator], None]


def prepare(name: str, work_dir: Path, photographs: Path, *, draw: int = 0) -> DataSet:
    """Make a data set below work_dir, or find it there; draw is the seed it is made with.

    photographs: zip or folder of the tutorials' ants and bees, for the sets taken from them.
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
    return DataSet(folder.name, folder, source.input_size)


def make_photographs(folder: Path, photographs: Path, _: np.random.Generator) -> None:
    """All of the ants and bees."""
    source = _unpack(photographs, folder)
    for path in sorted(source.glob("*/*/*")):
        # The tutorial's own zip has one file that is no photograph.
        if path.suffix.lower() in _PHOTOGRAPH_SUFFIXES:
            target = folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            copyfile(path, target)
    rmtree(folder / "unpacked", ignore_errors=True)


def make_few(folder: Path, photographs: Path, random: np.random.Generator) -> None:
    """Five training photographs a class, drawn at random, and every validation photograph."""
    _thin(folder, photographs, random, per_class=5)


def make_some(folder: Path, photographs: Path, random: np.random.Generator) -> None:
    """Twenty training photographs a class."""
    _thin(folder, photographs, random, per_class=20)


def make_many_classes(folder: Path, _: Path, random: np.random.Generator) -> None:
    """Forty classes, eight shapes with five fillings; 12 training and 6 validation pictures each.

    Nothing else tells a class: a head must read shape and filling together.
    """
    motifs = list(list_motifs(8, ("plain", "stripes", "checks", "dots", "waves")))
    draw_split(folder / "train", dict.fromkeys(motifs, 12), random, noise=20)
    draw_split(folder / "val", dict.fromkeys(motifs, 6), random, noise=20)


def make_unequal_classes(folder: Path, _: Path, random: np.random.Generator) -> None:
    """Five shapes, whatever fills them: 200, 80, 30, 12 and 5 for training, 40 each to validate."""
    motifs = [Motif(shape, None) for shape in ("disc", "square", "ring", "hourglass", "heart")]
    counts = dict(zip(motifs, (200, 80, 30, 12, 5), strict=True))
    draw_split(folder / "train", counts, random, noise=30)
    draw_split(folder / "val", dict.fromkeys(motifs, 40), random, noise=30)


def make_tiny(folder: Path, _: Path, random: np.random.Generator) -> None:
    """Handwritten digits of 8 x 8 pixels, 20 for training and 50 to validate of each.

    Source: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998), as packaged in
    scikit-learn.
    """
    from sklearn.datasets import load_digits  # noqa: PLC0415 - for this set alone

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


def _thin(folder: Path, photographs: Path, random: np.random.Generator, *, per_class: int) -> None:
    make_photographs(folder, photographs, random)
    for class_folder in sorted((folder / "train").iterdir()):
        paths = sorted(class_folder.iterdir())
        for index in random.permutation(len(paths))[per_class:]:
            paths[index].unlink()


def _unpack(photographs: Path, folder: Path) -> Path:
    """The folder of train and val; a zip is unpacked below folder."""
    if photographs.is_dir():
        return find_split_folder(photographs)
    unpacked = folder / "unpacked"
    if not unpacked.exists():
        with zipfile.ZipFile(photographs) as archive:
            archive.extractall(unpacked)
    return find_split_folder(unpacked)
