import pytest
import torch
from torch import nn

from app.ml.preprocessing import PreprocessingSpec
from app.predictions.engine import Engine
from tests.images import draw_picture


def make_engine(model: nn.Module) -> Engine:
    return Engine(
        model,
        ("a", "b", "c"),
        PreprocessingSpec(input_size=8, resize_size=8),
        torch.device("cpu"),
    )


def test_equally_probable_classes_keep_the_order_of_the_classes() -> None:
    engine = make_engine(nn.Identity())
    probabilities = torch.tensor([0.25, 0.5, 0.25])
    assert engine.rank(probabilities, top_k=3) == [("b", 0.5), ("a", 0.25), ("c", 0.25)]
    assert engine.rank(probabilities, top_k=2) == [("b", 0.5), ("a", 0.25)]


def test_probabilities_are_the_float32_softmax_whatever_the_model_computes_in() -> None:
    logits = torch.tensor([[2.0, 1.0, -30.0]], dtype=torch.bfloat16)

    class Constant(nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            assert pixels.shape == (1, 3, 8, 8)
            return logits

    probabilities = make_engine(Constant()).classify(draw_picture())
    assert probabilities.dtype == torch.float32
    assert probabilities.tolist() == pytest.approx([0.7310586, 0.2689414, 9.25e-15], rel=1e-3)
