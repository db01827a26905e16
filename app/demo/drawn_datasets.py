"""Draw the demo's synthetic dataset."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.demo.drawn_image import draw

_JPEG_QUALITY = 92


@dataclass(frozen=True)
class DrawnDataset:
    """The contents of a synthetic dataset; counts are images per class."""

    name: str
    class_names: tuple[str, ...]
    num_train: int
    num_val: int
    num_test: int
    seed: int


DRAWINGS = DrawnDataset(
    "drawings",
    ("arrow", "bricks", "crescent", "heart", "hourglass", "waves"),
    num_train=20,
    num_val=20,
    num_test=2,
    seed=3,
)


def write_dataset(drawing: DrawnDataset, path: Path) -> None:
    """Write the dataset as a zip of JPEGs in the layout train|val|test/<class>/.

    Each image depends only on the seed, its split, its class and its number.
    """
    counts = {"train": drawing.num_train, "val": drawing.num_val, "test": drawing.num_test}
    with zipfile.ZipFile(path, "w") as archive:
        for split_number, (split, count) in enumerate(counts.items()):
            for label, class_name in enumerate(drawing.class_names):
                for number in range(count):
                    random = np.random.default_rng([drawing.seed, split_number, label, number])
                    file = io.BytesIO()
                    draw(class_name, random).save(file, "JPEG", quality=_JPEG_QUALITY)
                    entry = zipfile.ZipInfo(f"{drawing.name}/{split}/{class_name}/{number:03}.jpg")
                    archive.writestr(entry, file.getvalue())
