"""Classify an image: `python predict.py image.jpg`.

Needs onnxruntime, Pillow and numpy. model.onnx takes decoded RGB pixels, uint8
[n, height, width, 3], and includes the preprocessing; model.json describes it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE = Path(__file__).parent
MODEL = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
session = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])


def run(pixels: Any) -> Any:
    """Compute probabilities, logits and features of one image, uint8 [height, width, 3]."""
    return session.run(["probabilities", "logits", "features"], {"pixels": pixels[None]})


def decode(path: str) -> Any:
    """Decode an image file to RGB pixels, EXIF rotation applied, transparency on white."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    background = Image.new("RGBA", image.size, "white")
    return np.array(Image.alpha_composite(background, image).convert("RGB"))


if __name__ == "__main__":
    probabilities = run(decode(sys.argv[1]))[0][0]
    print(MODEL["class_names"][probabilities.argmax()], float(probabilities.max()))
