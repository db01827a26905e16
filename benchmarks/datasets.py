"""Prepare the benchmarks' datasets as folders of `train/<class>/…` and `val/<class>/…`.

Photographs come from the archives of a folder that the caller names; the function of each dataset
has its source. The other images are generated, or taken from scikit-learn. The same seed gives the
same files.
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

HELD_OUT = ("grocery", "magnetic-tiles")
"""Datasets on which nothing was chosen; they are reported apart."""

_PHOTOGRAPH_SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class Dataset:
    """A dataset ready to train on; input_size is the side of the networks' input in pixels."""

    name: str
    folder: Path
    input_size: int


@dataclass(frozen=True)
class _Source:
    """A dataset's source: make(folder, archives, random) writes train and val."""

    input_size: int
    make: Callable[[Path, Path, np.random.Generator], None]


def prepare(name: str, work_dir: Path, archives: Path, *, draw: int = 0) -> Dataset:
    """Make a dataset below work_dir, or find it there; draw is the seed that generates it.

    archives: the folder with `hymenoptera_data.zip` and the other archives.
    Raises KeyError for a name that is not in SOURCES.
    """
    source = SOURCES[name]
    folder = work_dir / (f"{name}-{draw}" if draw else name)
    if not folder.exists():
        part = folder.with_suffix(".part")
        rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        source.make(part, archives, np.random.default_rng([draw, list(SOURCES).index(name)]))
        part.rename(folder)
    return Dataset(folder.name, folder, source.input_size)


def make_photographs(folder: Path, archives: Path, _: np.random.Generator) -> None:
    """Copy all photographs of ants and bees."""
    source = find_split_folder(_unpack(archives / "hymenoptera_data.zip", folder))
    for path in sorted(source.glob("*/*/*")):
        # The tutorial's zip contains one file that is not a photograph.
        if path.suffix.lower() in _PHOTOGRAPH_SUFFIXES:
            target = folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            copyfile(path, target)
    rmtree(folder / "unpacked", ignore_errors=True)


def make_few(folder: Path, archives: Path, random: np.random.Generator) -> None:
    """Copy five random training photographs of each class, and every validation photograph."""
    _sample_train_images(folder, archives, random, per_class=5)


def make_some(folder: Path, archives: Path, random: np.random.Generator) -> None:
    """Copy twenty random training photographs of each class, and every validation photograph."""
    _sample_train_images(folder, archives, random, per_class=20)


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


def make_satellite(folder: Path, archives: Path, _: np.random.Generator) -> None:
    """Copy aerial images of 21 kinds of land use, 80 training and 20 validation images each.

    Source: Yang & Newsam, "Bag-of-visual-words and spatial extensions for land-use classification"
    (2010), UC Merced Land Use Dataset.
    """
    source = find_split_folder(_unpack(archives / "satellite.zip", folder))
    for split in ("train", "val"):
        _copy_split(source / split, folder / split)
    rmtree(folder / "unpacked")


def make_land_use_20(folder: Path, archives: Path, random: np.random.Generator) -> None:
    """Copy twenty random training images of each kind of land use, and every validation image."""
    make_satellite(folder, archives, random)
    _keep_random(folder / "train", random, per_class=20)


def make_omniglot(folder: Path, archives: Path, random: np.random.Generator) -> None:
    """Draw 15 training and 5 validation images of each of 136 handwritten characters.

    Source: Lake et al., "Human-level concept learning through probabilistic program induction"
    (2015), `background_small1`.
    """
    _split_classes(folder, archives / "omniglot_small.zip", random, val_share=0.25)


def make_grocery(folder: Path, archives: Path, _: np.random.Generator) -> None:
    """Copy photographs of 81 kinds of groceries; the published test images are validated.

    Source: Klasson et al., "A hierarchical grocery store image dataset" (2019).
    """
    source = find_split_folder(_unpack(archives / "grocery.zip", folder))
    _copy_split(source / "train", folder / "train")
    _copy_split(source / "test", folder / "val")
    rmtree(folder / "unpacked")


def make_magnetic_tiles(folder: Path, archives: Path, random: np.random.Generator) -> None:
    """Draw a fifth of the images of six kinds of tile surfaces (32 to 952 each) for validation.

    Source: Huang et al., "Surface defect saliency of magnetic tile" (2018).
    """
    _split_classes(folder, archives / "magnetic_tiles.zip", random, val_share=0.2)


SOURCES: dict[str, _Source] = {
    "ants-and-bees": _Source(224, make_photographs),
    "few": _Source(224, make_few),
    "some": _Source(224, make_some),
    "many-classes": _Source(128, make_many_classes),
    "unequal-classes": _Source(128, make_unequal_classes),
    "tiny": _Source(64, make_tiny),
    "satellite": _Source(224, make_satellite),
    "land-use-20": _Source(128, make_land_use_20),
    "omniglot": _Source(96, make_omniglot),
    "grocery": _Source(160, make_grocery),
    "magnetic-tiles": _Source(224, make_magnetic_tiles),
}


def _sample_train_images(
    folder: Path, archives: Path, random: np.random.Generator, *, per_class: int
) -> None:
    make_photographs(folder, archives, random)
    _keep_random(folder / "train", random, per_class=per_class)


def _keep_random(split: Path, random: np.random.Generator, *, per_class: int) -> None:
    for class_folder in sorted(split.iterdir()):
        paths = sorted(class_folder.iterdir())
        for index in random.permutation(len(paths))[per_class:]:
            paths[index].unlink()


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive below folder, and return where."""
    unpacked = folder / "unpacked"
    with zipfile.ZipFile(archive) as file:
        file.extractall(unpacked)
    return unpacked


def _copy_split(source: Path, target: Path) -> None:
    for path in sorted(source.glob("*/*")):
        copy = target / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copyfile(path, copy)


def _split_classes(
    folder: Path, archive: Path, random: np.random.Generator, *, val_share: float
) -> None:
    """Draw the validation images of each class of an archive without splits, at least one."""
    source = _unpack(archive, folder)
    for class_folder in sorted(path for path in source.iterdir() if path.is_dir()):
        paths = sorted(class_folder.iterdir())
        num_val = max(round(val_share * len(paths)), 1)
        for rank, index in enumerate(random.permutation(len(paths))):
            split = "val" if rank < num_val else "train"
            target = folder / split / class_folder.name / paths[index].name
            target.parent.mkdir(parents=True, exist_ok=True)
            copyfile(paths[index], target)
    rmtree(source)
