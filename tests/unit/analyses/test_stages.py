"""Find a network's stages and compute their features."""

import pytest
import torch

from app.ml.models.architectures import build
from app.ml.models.catalogue import get_architecture
from worker.advice.stages import average, find_early_stage, tap_stages


@pytest.mark.parametrize(
    ("name", "size", "early", "first_late"),
    [
        ("resnet18", 224, "layer3", "layer4"),
        ("resnet18", 64, "layer3", "layer4"),
        ("alexnet", 224, "features.3", "features.6"),
        ("vit_b_16", 224, "encoder.layers.encoder_layer_7", "encoder.layers.encoder_layer_8"),
    ],
)
def test_a_stage_ends_where_the_resolution_falls(
    name: str, size: int, early: str, first_late: str
) -> None:
    architecture = get_architecture(name)
    model = build(name, 2, arguments={}).eval()
    assert find_early_stage(model, architecture, size) == (early, first_late)


def test_both_stages_are_averaged_over_their_positions() -> None:
    architecture = get_architecture("resnet18")
    model = build("resnet18", 2, arguments={}).eval()
    images = torch.randn(3, 3, 64, 64)
    late, early = tap_stages(model, architecture, "layer3", images)
    assert (late.shape, early.shape) == ((3, 512), (3, 256))
    one, _ = tap_stages(model, architecture, "layer3", images[:1])
    torch.testing.assert_close(one, late[:1], rtol=1e-4, atol=1e-5)


def test_positions_are_found_in_every_layout() -> None:
    image = torch.arange(2 * 3 * 4 * 4.0).reshape(2, 3, 4, 4)
    expected = image.flatten(2).mean(2)
    torch.testing.assert_close(average(image), expected)
    torch.testing.assert_close(average(image.permute(0, 2, 3, 1)), expected)
    torch.testing.assert_close(average(image.flatten(2).transpose(1, 2)), expected)
    torch.testing.assert_close(average(expected), expected)
