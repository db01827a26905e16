"""Showing where in an image the most probable class was seen.

Gradients need the network itself, in float32, whichever engine answers; so it is loaded once more,
by the first question for an explanation.
"""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from app.ml.models import checkpoint
from app.ml.models.catalogue import get_architecture
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust.heat_maps import Explainer, draw_heat
from app.predictions.results import Explanation, Verdict


def load_explainer(path: Path, device: torch.device, *, digest: str | None = None) -> Explainer:
    """Load the network of a complete checkpoint for explanations; raises as `load_servable`."""
    model, header = checkpoint.restore_model(checkpoint.load(path, digest=digest))
    network = ScoringNetwork(model, get_architecture(header.architecture), header.preprocessing)
    return Explainer(network.to(device))


def explain(
    explainer: Explainer, pixels: Tensor, class_names: tuple[str, ...], verdict: Verdict
) -> Verdict:
    """The verdict with the explanation of its first class.

    pixels: uint8 [3, input_size, input_size], what the engine was given.
    """
    label = verdict.ranking[0].label
    heat = explainer.explain(pixels, class_names.index(label))
    return replace(verdict, explanation=Explanation(label, draw_heat(pixels, heat)))
