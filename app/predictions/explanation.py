"""Explain the most probable class of an image by a heat map.

Gradients need the network itself in float32, whichever engine predicts. The first request for an
explanation therefore loads the network once more.
"""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from app.errors import InputProblem, ValidationFailed
from app.ml.models import checkpoint
from app.ml.models.catalogue import get_architecture
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust.heat_maps import Explainer, draw_heat
from app.predictions.results import Explanation, ImageResult
from app.predictions.servable import Servable


def load_explainer(path: Path, device: torch.device, *, digest: str | None = None) -> Explainer:
    """Load the network of a complete checkpoint for explanations; raises as `load_servable`.

    Raises ValidationFailed for an architecture that has no layer with positions.
    """
    model, header = checkpoint.restore_model(checkpoint.load(path, digest=digest))
    network = ScoringNetwork(model, get_architecture(header.architecture), header.preprocessing)
    try:
        return Explainer(network.to(device))
    except ValueError as error:
        message = f"There are no heat maps for {header.architecture}: {error}."
        raise ValidationFailed(InputProblem(("query", "model"), message)) from error


def explain(
    explainer: Explainer,
    servable: Servable,
    pixels: Tensor,
    result: ImageResult,
    label: str | None = None,
) -> ImageResult:
    """Return the result with a heat map for a class, or for its most probable class for None.

    pixels: uint8 [3, input_size, input_size], the engine's input. Raises ValidationFailed for a
    label that is no class of the model.
    """
    if label is None:
        label = result.ranking[0].label
    if label not in servable.class_names:
        problem = f"`label` is '{label}', which is no class of this model."
        raise ValidationFailed(InputProblem(("query", "label"), problem, servable.class_names))
    pixels = pixels.cpu()
    heat = explainer.explain(pixels, servable.class_names.index(label))
    explanation = Explanation(label, draw_heat(pixels, heat), servable.preprocessing.crop)
    return replace(result, explanation=explanation)
