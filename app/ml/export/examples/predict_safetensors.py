"""Classify an image: `python predict.py image.jpg`.

Needs torch, torchvision, safetensors, Pillow and numpy, and timm for a network of timm.
model.safetensors holds the weights under the library's names; model.json describes how to build the
network and how to prepare images.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torchvision.models import get_model
from torchvision.transforms import InterpolationMode, functional

HERE = Path(__file__).parent
MODEL = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
SPEC = MODEL["preprocessing"]
library, _, architecture = MODEL["architecture"].rpartition(":")
if library == "timm":
    from timm import create_model

    network = create_model(architecture, num_classes=1000, **MODEL["build_arguments"]).eval()
else:
    network = get_model(architecture, weights=None, **MODEL["build_arguments"]).eval()
for name, layer in MODEL["replaced_layers"].items():
    parent, _, child = name.rpartition(".")
    replacement = getattr(torch.nn, layer["type"])(**layer["arguments"])
    setattr(network.get_submodule(parent), child, replacement)
weights = load_file(HERE / "model.safetensors")
for name, tensor in network.state_dict().items():
    tensor.copy_(weights.pop(name))
assert not weights, "the file has more weights than the network"


def run(pixels: Any) -> Any:
    """Compute probabilities and logits of one image, uint8 [height, width, 3]."""
    image = torch.from_numpy(pixels).permute(2, 0, 1).float()
    by = InterpolationMode(SPEC["interpolation"])
    resized = functional.resize(image, [SPEC["resize_size"]], by, antialias=True)
    levels = functional.center_crop(resized.round().clamp(0, 255), [SPEC["input_size"]])
    with torch.inference_mode():
        logits = network(functional.normalize(levels / 255, SPEC["mean"], SPEC["std"])[None])
        return [(logits / MODEL["temperature"]).softmax(1).numpy(), logits.numpy()]


def decode(path: str) -> Any:
    """Decode an image file to RGB pixels, EXIF rotation applied, transparency on white."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    background = Image.new("RGBA", image.size, "white")
    return np.array(Image.alpha_composite(background, image).convert("RGB"))


if __name__ == "__main__":
    probabilities = run(decode(sys.argv[1]))[0][0]
    print(MODEL["class_names"][probabilities.argmax()], float(probabilities.max()))
