"""Mixing of training images and their labels (MixUp, CutMix)."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from app.ml.recipe import Mixing, MixUp
from worker.training.data import Batch


def mix(batch: Batch, mixing: Mixing, num_classes: int, seed: int) -> Batch:
    """Mix each image with its neighbour in the batch; targets become float32 [batch, classes].

    The whole batch has one share, drawn from Beta(alpha, alpha).
    """
    images, targets = batch
    random = np.random.default_rng(seed)
    share = float(random.beta(mixing.alpha, mixing.alpha))
    if isinstance(mixing, MixUp):
        mixed = images * share + images.roll(1, 0) * (1.0 - share)
    else:
        mixed, share = _paste(images, share, random)
    labels = one_hot(targets, num_classes).float()
    return mixed, labels * share + labels.roll(1, 0) * (1.0 - share)


def _paste(images: Tensor, share: float, random: np.random.Generator) -> tuple[Tensor, float]:
    """Paste a box of 1 - share of the area from the neighbour; also return what stayed."""
    height, width = images.shape[-2:]
    side = (1.0 - share) ** 0.5
    middle_y, middle_x = random.uniform(0, height), random.uniform(0, width)
    top, bottom = (int(np.clip(middle_y + s * side * height / 2, 0, height)) for s in (-1, 1))
    left, right = (int(np.clip(middle_x + s * side * width / 2, 0, width)) for s in (-1, 1))
    mixed = images.clone(memory_format=torch.preserve_format)
    mixed[..., top:bottom, left:right] = images.roll(1, 0)[..., top:bottom, left:right]
    return mixed, 1.0 - (bottom - top) * (right - left) / (height * width)
