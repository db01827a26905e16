"""Small labelled images to upload."""

import io
import zipfile
from collections.abc import Sequence

import numpy as np
from PIL import Image

COLORS = {"amber": (200, 120, 30), "blue": (40, 60, 200), "green": (50, 180, 70)}


def draw_picture(class_name: str, number: int, *, size: int = 40) -> bytes:
    """Draw a noisy JPEG in the colour of its class, different for every number."""
    noise = np.random.default_rng(number).integers(-40, 40, (size, size, 3))
    pixels = np.clip(np.array(COLORS[class_name]) + noise, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def make_zip(
    *,
    class_names: Sequence[str] = ("amber", "blue"),
    num_train: int = 8,
    num_val: int = 4,
    size: int = 40,
) -> bytes:
    """Pack a dataset of colours in the train/val layout."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for label, class_name in enumerate(class_names):
            for number in range(num_train + num_val):
                split = "train" if number < num_train else "val"
                archive.writestr(
                    f"colors/{split}/{class_name}/{number:03}.jpg",
                    draw_picture(class_name, 1000 * label + number, size=size),
                )
    return file.getvalue()
