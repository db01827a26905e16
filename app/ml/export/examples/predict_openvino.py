"""Classify an image: `python predict.py image.jpg`.

Needs openvino, Pillow and numpy. model.xml takes decoded RGB pixels, uint8 [n, height, width, 3],
and includes the preprocessing; model.json describes it. Without the precision hint, OpenVINO
computes in bfloat16 where the processor supports it: faster, but probabilities change by about
0.01.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from PIL import Image, ImageOps

HERE = Path(__file__).parent
MODEL = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
compiled = openvino.Core().compile_model(HERE / "model.xml", "CPU", EXACT)


def run(pixels: Any) -> Any:
    """Compute probabilities, logits and features of one image, uint8 [height, width, 3]."""
    outputs = compiled(pixels[None])
    return [outputs[name] for name in ("probabilities", "logits", "features")]


def decode(path: str) -> Any:
    """Decode an image file to RGB pixels, EXIF rotation applied, transparency on white."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    background = Image.new("RGBA", image.size, "white")
    return np.array(Image.alpha_composite(background, image).convert("RGB"))


if __name__ == "__main__":
    probabilities = run(decode(sys.argv[1]))[0][0]
    print(MODEL["class_names"][probabilities.argmax()], float(probabilities.max()))
