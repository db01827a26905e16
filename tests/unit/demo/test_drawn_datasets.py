import io
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from app.demo.drawn_datasets import DRAWINGS, DrawnDataset, write_dataset
from app.demo.drawn_image import IMAGE_SIZE, draw
from app.demo.motifs import SHAPES, TEXTURES

MOTIFS = [*SHAPES, *TEXTURES]
TINY = DrawnDataset("tiny", ("disc", "waves"), num_train=3, num_val=2, num_test=1, seed=5)


def draw_pixels(motif: str, *seed: int) -> NDArray[np.float64]:
    return np.asarray(draw(motif, np.random.default_rng(seed)), dtype=np.float64)


@pytest.mark.parametrize("motif", MOTIFS)
def test_an_image_depends_only_on_its_seed(motif: str) -> None:
    image = draw_pixels(motif, 1)
    assert image.shape == (IMAGE_SIZE, IMAGE_SIZE, 3)
    assert (image == draw_pixels(motif, 1)).all()
    assert abs(image - draw_pixels(motif, 2)).mean() > 5


@pytest.mark.parametrize("motif", MOTIFS)
def test_an_image_has_ink_and_background(motif: str) -> None:
    side = np.linspace(-1, 1, 101)
    x, y = np.meshgrid(side, side)
    ink = (SHAPES | TEXTURES)[motif](x, y)
    assert 0.1 < ink.mean() < 0.8
    if motif in SHAPES:
        assert not ink[np.hypot(x, y) > 1].any()


def test_every_two_motifs_differ() -> None:
    side = np.linspace(-1, 1, 101)
    x, y = np.meshgrid(side, side)
    masks = {name: motif(2 * x, 2 * y) for name, motif in TEXTURES.items()}
    masks |= {name: motif(x, y) for name, motif in SHAPES.items()}
    for name, mask in masks.items():
        for other, another in masks.items():
            assert name == other or (mask ^ another).mean() > 0.05, (name, other)


def find_ink(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median colour of the pixels that differ most from the border."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    distance = np.linalg.norm(image - np.median(border, axis=0), axis=-1)
    return np.asarray(np.median(image[distance >= np.quantile(distance, 0.9)], axis=0))


def test_colour_tells_nothing_about_the_class() -> None:
    """The nearest mean ink, fitted on 40 images per class, is about as accurate as chance."""
    names = DRAWINGS.class_names
    inks = np.array(
        [
            [find_ink(draw_pixels(name, 3, label, i)) for i in range(80)]
            for label, name in enumerate(names)
        ]
    )
    centres = inks[:, :40].mean(1)
    distances = np.linalg.norm(inks[:, 40:, None] - centres, axis=-1)
    accuracy = (distances.argmin(-1) == np.arange(len(names))[:, None]).mean()
    assert accuracy < 1.5 / len(names)


def test_a_dataset_is_balanced_and_repeatable(tmp_path: Path) -> None:
    paths = [tmp_path / "one.zip", tmp_path / "two.zip", tmp_path / "other.zip"]
    for path, drawing in zip(paths, (TINY, TINY, replace(TINY, seed=6)), strict=True):
        write_dataset(drawing, path)
    assert paths[0].read_bytes() == paths[1].read_bytes() != paths[2].read_bytes()
    with zipfile.ZipFile(paths[0]) as archive:
        folders = Counter(name.rsplit("/", 1)[0] for name in archive.namelist())
        images = [archive.read(name) for name in archive.namelist()]
    assert folders == {
        f"tiny/{split}/{class_name}": count
        for split, count in (("train", 3), ("val", 2), ("test", 1))
        for class_name in TINY.class_names
    }
    assert len(set(images)) == len(images)
    with Image.open(io.BytesIO(images[0])) as image:
        assert (image.format, image.size) == ("JPEG", (IMAGE_SIZE, IMAGE_SIZE))
