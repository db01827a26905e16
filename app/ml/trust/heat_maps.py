"""Compute and draw heat maps of the image regions that support a class, for every architecture.

HiResCAM (Draelos & Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of
convolutional neural networks", 2020): the contribution of each position to the class's score, which
is the activations there times the score's gradient, summed over channels. The score is the class's
logit minus the mean of all logits. Where only average pooling and a linear head follow, this is
Grad-CAM (Selvaraju et al., 2017), and exact.
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
"""The opacity of the heat map at its maximum, so that the image stays visible."""


class _Output(NamedTuple):
    name: str
    tensor: Tensor


class Explainer:
    """Compute heat maps at the last layer whose output has spatial positions.

    A trial run finds the layer: the features must depend on the positions of its output. In a
    convolutional network it gives the last feature maps; in a transformer it gives the input of the
    last block, after which only the class token counts. Several threads may call `explain` at a
    time. The network must be in float32; its parameters no longer require gradients.
    """

    def __init__(self, network: ScoringNetwork) -> None:
        """Raise ValueError for a network without such a layer."""
        self.network = network.requires_grad_(requires_grad=False)
        self._recorded = threading.local()
        self._device = next(network.parameters()).device
        self._num_prefix_tokens = _count_prefix_tokens(network)
        self.layer = _find_layer(network)
        network.get_submodule(self.layer).register_forward_hook(
            partial(_record_output, self._recorded)
        )

    @property
    def num_bytes(self) -> int:
        """Bytes of the weights."""
        return sum(parameter.nbytes for parameter in self.network.parameters())

    def explain(self, pixels: Tensor, class_index: int) -> Tensor:
        """Compute a class's heat map: float32 [height, width] of the layer's positions, in 0..1.

        pixels: uint8 [3, input_size, input_size]. Positions that support the class no more than the
        mean position are 0, the strongest is 1; all are 0 where no position differs.
        """
        with torch.inference_mode(mode=False), torch.enable_grad():
            self._recorded.output = None
            self._recorded.is_active = True
            try:
                logits, _ = self.network(pixels[None].to(self._device))
            finally:
                self._recorded.is_active = False
            output: Tensor = self._recorded.output
            del self._recorded.output
            # A softmax only depends on differences of logits, so their mean carries no information.
            score = logits[0, class_index] - logits[0].mean()
            (gradient,) = torch.autograd.grad(score, output)
            heat = _to_map(output * gradient, self._num_prefix_tokens)
            # A contribution that all positions share is indistinguishable from the head's bias.
            heat = (heat - heat.mean()).clamp_min(0)
        return (heat / heat.max().clamp_min(torch.finfo(heat.dtype).tiny)).detach().cpu()


def _record_output(
    recorded: threading.local, _layer: nn.Module, _inputs: Any, output: Tensor
) -> Tensor | None:
    if not getattr(recorded, "is_active", False):
        return None
    leaf = output.detach().requires_grad_()
    recorded.output = leaf
    return leaf.clone()  # because later layers may change it in place


def _find_layer(network: ScoringNetwork) -> str:
    """Find the last module of the forward pass whose positions affect the features."""
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
    # A plain sum would not do: after LayerNorm it is the same for every image.
    weights = torch.randn(features.shape, generator=random).to(device)
    num_prefix = _count_prefix_tokens(network)
    score = (features * weights).sum()
    for name, tensor in reversed(outputs):
        if isinstance(tensor, Tensor) and _has_positions(tensor, num_prefix):
            (gradient,) = torch.autograd.grad(score, tensor, retain_graph=True, allow_unused=True)
            if gradient is not None and bool(_to_map(gradient.abs(), num_prefix).any()):
                return name
    raise ValueError("no layer of this network has positions that affect its features")


def _has_positions(output: Tensor, num_prefix: int) -> bool:
    if output.ndim == _SPATIAL:
        _, first, second, third = output.shape
        return second == third > 1 or first == second > 1
    if output.ndim == _TOKENS:
        num_positions = output.shape[1] - _count_class_tokens(output, num_prefix)
        return num_positions > 1 and math.isqrt(num_positions) ** 2 == num_positions
    return False


def _to_map(output: Tensor, num_prefix: int) -> Tensor:
    """Sum over channels: [height, width] from maps, channels first or last, or from tokens."""
    if output.ndim == _TOKENS:
        sums = output[0, _count_class_tokens(output, num_prefix) :].sum(1)
        side = math.isqrt(len(sums))
        return sums.view(side, side)
    has_channels_last = output.shape[2] != output.shape[3]
    return output[0].sum(2 if has_channels_last else 0)


def _count_class_tokens(output: Tensor, num_prefix: int) -> int:
    """Count the tokens before those of the positions, which form a square."""
    num_positions = output.shape[1] - num_prefix
    is_square = num_positions > 0 and math.isqrt(num_positions) ** 2 == num_positions
    return num_prefix if is_square else 0


def _count_prefix_tokens(network: ScoringNetwork) -> int:
    """Count the tokens that a transformer puts before its positions: class token and registers."""
    return int(getattr(network.model, "num_prefix_tokens", 1))  # an attribute of timm's models


def draw_heat(pixels: Tensor, heat: Tensor) -> bytes:
    """Draw the heat map over the grey image, from red for weak to yellow for strong, as PNG.

    pixels: uint8 [3, input_size, input_size]; heat: float32 [height, width], 0..1.
    """
    size = list(pixels.shape[1:])
    smooth = interpolate(heat[None, None], size, mode="bilinear", align_corners=False)[0]
    grey = pixels.float().mean(0, keepdim=True)
    colour = torch.cat([torch.full_like(smooth, 255.0), 255.0 * smooth, torch.zeros_like(smooth)])
    blended = grey + (colour - grey) * (_OPACITY * smooth)
    buffer = io.BytesIO()
    array = blended.round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()
