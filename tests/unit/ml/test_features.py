import pytest
import torch

from app.ml.models.architectures import build, build_arguments
from app.ml.models.catalogue import get_architecture
from app.ml.models.features import has_linear_head, head_weights, set_head, tap_features

IMAGES = torch.randn(2, 3, 75, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("head", "is_linear"), [("linear", True), ("torchvision", False)])
def test_squeezenets_scores_are_linear_without_its_relu(head: str, is_linear: bool) -> None:
    architecture = get_architecture("squeezenet1_0")
    arguments = build_arguments(architecture.name, is_pretrained=False, head=head)  # type: ignore[arg-type]
    model = build(architecture.name, 5, arguments=arguments).eval()
    assert has_linear_head(model, architecture) is is_linear
    weight, bias = torch.randn(5, 512) / 512, torch.randn(5)
    set_head(model, architecture, weight, bias)
    assert all(map(torch.equal, head_weights(model, architecture), (weight, bias)))
    expected = tap_features(model, architecture, IMAGES) @ weight.T + bias
    assert torch.allclose(model(IMAGES), expected, rtol=1e-5, atol=1e-5) is is_linear


def test_features_have_no_gradient_and_the_model_is_unchanged() -> None:
    architecture = get_architecture("resnet18")
    model = build(architecture.name, 2, arguments={}).eval()
    before = model(IMAGES)
    features = tap_features(model, architecture, IMAGES)
    assert not features.requires_grad
    assert not features.is_inference()
    assert torch.equal(model(IMAGES), before)


def test_features_are_float32_under_autocast() -> None:
    architecture = get_architecture("resnet18")
    model = build(architecture.name, 2, arguments={}).eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert tap_features(model, architecture, IMAGES).dtype == torch.float32


def test_features_of_a_model_in_training_mode_raise() -> None:
    model = build("resnet18", 2, arguments={})
    with pytest.raises(ValueError, match="training mode"):
        tap_features(model, get_architecture("resnet18"), IMAGES)


def test_set_head_does_not_change_the_auxiliary_head() -> None:
    architecture = get_architecture("inception_v3")
    model = build(architecture.name, 2, arguments={})
    before = model.get_parameter("AuxLogits.fc.weight").detach().clone()
    set_head(model, architecture, torch.zeros(2, 2048), torch.ones(2))
    assert torch.equal(model.get_parameter("AuxLogits.fc.weight"), before)
    weight, bias = head_weights(model, architecture)
    assert (weight == 0).all()
    assert (bias == 1).all()
