import pytest
import torch

from app.ml.models.architectures import build, build_arguments
from app.ml.models.catalogue import get_entry
from app.ml.models.features import has_linear_head, head_weights, set_head, tap_features

IMAGES = torch.randn(2, 3, 75, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("head", "is_linear"), [("linear", True), ("torchvision", False)])
def test_squeezenets_scores_are_linear_in_its_pooled_features_without_its_relu(
    head: str, is_linear: bool
) -> None:
    entry = get_entry("squeezenet1_0")
    arguments = build_arguments(entry.name, is_pretrained=False, head=head)  # type: ignore[arg-type]
    model = build(entry.name, 5, arguments=arguments).eval()
    assert has_linear_head(model, entry) is is_linear
    weight, bias = torch.randn(5, 512) / 512, torch.randn(5)
    set_head(model, entry, weight, bias)
    assert all(map(torch.equal, head_weights(model, entry), (weight, bias)))
    expected = tap_features(model, entry, IMAGES) @ weight.T + bias
    assert torch.allclose(model(IMAGES), expected, rtol=1e-5, atol=1e-5) is is_linear


def test_features_carry_no_gradient_and_leave_the_model_as_it_was() -> None:
    entry = get_entry("resnet18")
    model = build(entry.name, 2, arguments={}).eval()
    before = model(IMAGES)
    features = tap_features(model, entry, IMAGES)
    assert not features.requires_grad
    assert not features.is_inference()
    assert torch.equal(model(IMAGES), before)


def test_features_are_float32_under_autocast() -> None:
    entry = get_entry("resnet18")
    model = build(entry.name, 2, arguments={}).eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert tap_features(model, entry, IMAGES).dtype == torch.float32


def test_features_of_a_model_in_training_are_refused() -> None:
    model = build("resnet18", 2, arguments={})
    with pytest.raises(ValueError, match="evaluation"):
        tap_features(model, get_entry("resnet18"), IMAGES)


def test_the_auxiliary_head_is_left_alone() -> None:
    entry = get_entry("inception_v3")
    model = build(entry.name, 2, arguments={})
    before = model.get_parameter("AuxLogits.fc.weight").detach().clone()
    set_head(model, entry, torch.zeros(2, 2048), torch.ones(2))
    assert torch.equal(model.get_parameter("AuxLogits.fc.weight"), before)
    weight, bias = head_weights(model, entry)
    assert (weight == 0).all()
    assert (bias == 1).all()
