import pytest
import torch
from torch import Tensor, nn

from app.ml.runtime.depthwise import DepthwiseGradientsInFloat32
from app.ml.runtime.precision import autocast

CPU = torch.device("cpu")
LAYERS = {
    "plain": nn.Conv2d(6, 6, 3, groups=6, bias=False),
    "strided": nn.Conv2d(6, 6, 5, stride=2, padding=2, groups=6),
    "uneven": nn.Conv2d(6, 6, (3, 5), stride=(1, 2), padding=(1, 0), dilation=(2, 1), groups=6),
    "multiplied": nn.Conv2d(6, 12, 3, padding=1, groups=6),
}


def make_images() -> Tensor:
    """Return images whose values bfloat16 represents exactly."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(2, 6, 13, 13, generator=generator).bfloat16().float()
    return images.contiguous(memory_format=torch.channels_last).requires_grad_()


def differentiate(layer: nn.Module, output: Tensor, images: Tensor) -> dict[str, Tensor]:
    """Return the gradients of the sum of the outputs, which bfloat16 represents exactly."""
    layer.zero_grad()
    output.float().sum().backward()  # type: ignore[no-untyped-call] # torch
    gradients = {
        name: weight.grad for name, weight in layer.named_parameters() if weight.grad is not None
    }
    if images.grad is None:
        raise AssertionError("the images have no gradient")
    return {name: gradient.clone() for name, gradient in gradients.items()} | {
        "images": images.grad.clone()
    }


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_depthwise_layers_are_those_of_float32(name: str) -> None:
    layer = LAYERS[name]
    images, same = make_images(), make_images()
    wanted = differentiate(layer, layer(images), images)
    with autocast("bf16", CPU):
        output = layer(same)
    found = differentiate(layer, output, same)
    assert found.keys() == wanted.keys()
    rounded = wanted.pop("images").bfloat16().float()
    torch.testing.assert_close(found["images"], rounded, rtol=2**-7, atol=1e-5)
    for key, gradient in wanted.items():
        torch.testing.assert_close(found[key], gradient, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_of_depthwise_layers_are_those_of_autocast(name: str) -> None:
    layer, images = LAYERS[name], make_images()
    with torch.autocast("cpu", torch.bfloat16):
        wanted = layer(images)
    with autocast("bf16", CPU):
        found = layer(images)
    assert found.dtype is torch.bfloat16
    torch.testing.assert_close(found, wanted, rtol=2**-7, atol=2**-7)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(6, 4, 3),
        nn.Conv2d(6, 6, 3, groups=3),
        nn.Conv2d(6, 6, 3, padding="same", groups=6),
    ],
)
def test_other_layers_stay_as_they_are(layer: nn.Module) -> None:
    images, same = make_images(), make_images()
    with torch.autocast("cpu", torch.bfloat16):
        output = layer(images)
    wanted = differentiate(layer, output, images)
    with autocast("bf16", CPU):
        output = layer(same)
    found = differentiate(layer, output, same)
    assert all(torch.equal(found[key], gradient) for key, gradient in wanted.items())


def test_gradients_have_the_types_of_their_tensors() -> None:
    layer = nn.Conv2d(6, 6, 3, groups=6, bias=False).bfloat16()
    images = make_images().detach().bfloat16().requires_grad_()
    with DepthwiseGradientsInFloat32():
        output = layer(images)
    found = differentiate(layer, output, images)
    assert {gradient.dtype for gradient in found.values()} == {torch.bfloat16}


def test_frozen_layers_get_no_gradients() -> None:
    layer = nn.Conv2d(6, 6, 3, groups=6, bias=False).requires_grad_(False)
    images = make_images()
    with autocast("bf16", CPU):
        assert not layer(images.detach()).requires_grad
        output = layer(images)
    assert differentiate(layer, output, images).keys() == {"images"}


def test_activations_are_stored_in_bfloat16() -> None:
    stored: list[Tensor] = []

    def store(tensor: Tensor) -> Tensor:
        stored.append(tensor)
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(store, lambda tensor: tensor)
    with hooks, autocast("bf16", CPU):
        LAYERS["plain"](make_images())
    images = [tensor for tensor in stored if tensor.shape == make_images().shape]
    assert [tensor.dtype for tensor in images] == [torch.bfloat16]
