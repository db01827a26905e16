"""Where in an image a class was seen: heat maps for every architecture of the catalogue.

HiResCAM (Draelos & Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of
convolutional neural networks", 2020): what each place adds to the class's score, that is the
activations there times the score's gradient, summed over channels. The score is the class's logit
less the mean of all. Where only averaging and a
linear head follow, it is Grad-CAM (Selvaraju et al., 2017), and exact.
"""

import io
import math
import threading
from functools import partial
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from app.ml.runtime.scoring import ScoringNetwork
from app.ml.runtime.seeding import derive_seed

_SPATIAL, _TOKENS = 4, 3

_OPACITY = 0.7
"""Of the heat where it is greatest: the image stays to be seen."""


class _Output(NamedTuple):
    name: str
    tensor: Tensor


class Explainer:
    """A network with a tap at the last layer whose output still has places.

    The layer is found by trying: places of its output count for the features. So it is the last
    feature maps of a convolutional network, and of a transformer what its last block is given, for
    behind that block the class token alone counts. Several threads may ask at a time; the network
    is to be in float32, and is not to learn any more.
    """

    def __init__(self, network: ScoringNetwork) -> None:
        """Raises ValueError for a network without such a layer."""
        self.network = network.requires_grad_(requires_grad=False)
        self._tapped = threading.local()
        self._device = next(network.parameters()).device
        self.layer = _find_layer(network)
        network.get_submodule(self.layer).register_forward_hook(partial(_tap, self._tapped))

    @property
    def num_bytes(self) -> int:
        """What the weights take of the memory."""
        return sum(parameter.nbytes for parameter in self.network.parameters())

    def explain(self, pixels: Tensor, class_index: int) -> Tensor:
        """What speaks for a class: float32 [height, width] of the layer's places, in 0..1.

        pixels: uint8 [3, input_size, input_size]. 0 is the mean place and what speaks for the class
        less, 1 the place that speaks for it most; all is 0 where no place differs.
        """
        with torch.inference_mode(mode=False), torch.enable_grad():
            self._tapped.output = None
            self._tapped.listens = True
            try:
                logits, _ = self.network(pixels[None].to(self._device))
            finally:
                self._tapped.listens = False
            output: Tensor = self._tapped.output
            del self._tapped.output
            # A softmax knows of differences alone: what all logits have in common says nothing.
            score = logits[0, class_index] - logits[0].mean()
            (gradient,) = torch.autograd.grad(score, output)
            heat = _to_map(output * gradient)
            # What all places share cannot be told from the head's bias.
            heat = (heat - heat.mean()).clamp_min(0)
        return (heat / heat.max().clamp_min(torch.finfo(heat.dtype).tiny)).detach().cpu()


def _tap(tapped: threading.local, _layer: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
    if not getattr(tapped, "listens", False):
        return None
    leaf = output.detach().requires_grad_()
    tapped.output = leaf
    return leaf.clone()  # later layers may work in place


def _find_layer(network: ScoringNetwork) -> str:
    """The last module, in the order of the forward pass, of whose places the features know."""
    outputs: list[_Output] = []
    handles = [
        module.register_forward_hook(
            lambda _module, _inputs, output, name=name: outputs.append(_Output(name, output))
        )
        for name, module in network.named_modules()
    ]
    random = torch.Generator().manual_seed(derive_seed("places"))
    side = network.input_size
    pixels = torch.randint(256, (1, 3, side, side), generator=random, dtype=torch.uint8)
    device = next(network.parameters()).device
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            _, features = network(pixels.to(device).float().requires_grad_())
    finally:
        for handle in handles:
            handle.remove()
    # A sum would not do: LayerNorm keeps it the same whatever the image.
    weights = torch.randn(features.shape, generator=random).to(device)
    score = (features * weights).sum()
    for name, tensor in reversed(outputs):
        if isinstance(tensor, Tensor) and _has_places(tensor):
            (gradient,) = torch.autograd.grad(score, tensor, retain_graph=True, allow_unused=True)
            if gradient is not None and bool(_to_map(gradient.abs()).any()):
                return name
    raise ValueError("no layer of this network has places that its features know of")


def _has_places(output: Tensor) -> bool:
    if output.ndim == _SPATIAL:
        _, first, second, third = output.shape
        return second == third > 1 or first == second > 1
    if output.ndim == _TOKENS:
        return math.isqrt(output.shape[1]) > 1 and _count_other_tokens(output) <= 1
    return False


def _to_map(output: Tensor) -> Tensor:
    """Sums over channels: [height, width] from maps, channels first or last, or from tokens."""
    if output.ndim == _TOKENS:
        sums = output[0, _count_other_tokens(output) :].sum(1)
        side = math.isqrt(len(sums))
        return sums.view(side, side)
    has_channels_last = output.shape[2] != output.shape[3]
    return output[0].sum(2 if has_channels_last else 0)


def _count_other_tokens(output: Tensor) -> int:
    """Tokens before those of the places, which are as many as a square has: a class token."""
    return output.shape[1] - math.isqrt(output.shape[1]) ** 2


def draw_heat(pixels: Tensor, heat: Tensor) -> bytes:
    """The image in grey with its heat over it, from red for some to yellow for most: a PNG file.

    pixels: uint8 [3, input_size, input_size]; heat: float32 [height, width], 0..1.
    """
    size = list(pixels.shape[1:])
    smooth = interpolate(heat[None, None], size, mode="bilinear", align_corners=False)[0]
    grey = pixels.float().mean(0, keepdim=True)
    colour = torch.cat([torch.full_like(smooth, 255.0), 255.0 * smooth, torch.zeros_like(smooth)])
    picture = grey + (colour - grey) * (_OPACITY * smooth)
    buffer = io.BytesIO()
    array = picture.round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()
