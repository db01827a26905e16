"""Answering on a CUDA device."""

import pytest
import torch

from app.ml.catalogue import get_entry
from app.predictions.engines.choice import choose_engine, make_builder
from tests.unit.predictions.test_engines import draw_pixels, make_network

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 0.001), ("auto", 0.02)])
def test_answers_are_the_networks_alone_and_in_any_batch(precision: str, tolerance: float) -> None:
    device = torch.device("cuda")
    pixels = draw_pixels(9, 64)
    with torch.inference_mode():
        expected, _ = make_network(get_entry("resnet18"), size=64)(pixels)
    name = choose_engine("auto", device)
    engine = make_builder(name, device, precision)(make_network(get_entry("resnet18"), size=64))  # type: ignore[arg-type] # one of the names
    assert name == "torch"
    for batch in (pixels, pixels[:1], pixels[3:8]):
        first = int((pixels == batch[0]).flatten(1).all(1).nonzero()[0])
        scores = engine.run(batch)
        difference = scores.logits.softmax(1) - expected.softmax(1)[first : first + len(batch)]
        assert difference.abs().max() < tolerance
        assert scores.features.device.type == "cpu"
