"""Say what is on a photograph: `python predict.py photograph.jpg`.

Needs onnxruntime, Pillow and numpy. model.onnx takes decoded RGB pixels, uint8
[n, height, width, 3], and does the rest; model.json says what it is.
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
    """Probabilities, logits and features of one picture, uint8 [height, width, 3]."""
    return session.run(["probabilities", "logits", "features"], {"pixels": pixels[None]})


def decode(path: str) -> Any:
    """A picture file as upright RGB pixels, what is transparent on white."""
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    matte = Image.new("RGBA", picture.size, "white")
    return np.array(Image.alpha_composite(matte, picture).convert("RGB"))


if __name__ == "__main__":
    probabilities = run(decode(sys.argv[1]))[0][0]
    print(MODEL["class_names"][probabilities.argmax()], float(probabilities.max()))
