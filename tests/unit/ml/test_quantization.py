from collections.abc import Callable

import onnx
import pytest
import torch
from torch import Tensor, nn

from app.errors import EngineUnavailable
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.catalogue import get_architecture
from app.ml.models.construction import construct
from app.ml.runtime.quantization import quantize
from app.ml.runtime.scoring import ScoringNetwork
from app.predictions.engines.engine import Engine
from app.predictions.engines.onnxruntime_engine import OnnxRuntimeEngine
from app.predictions.engines.openvino_engine import OpenVinoEngine

pytestmark = pytest.mark.filterwarnings("ignore")  # the converter's own, about itself


class _SingularValues(nn.Module):
    """An operation that ONNX does not have."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.mul(images, torch.linalg.svdvals(images).mean())


def test_a_layer_that_onnx_does_not_have_is_refused_with_the_models_name() -> None:
    architecture = get_architecture("timm:test_resnet")
    model = construct(architecture.name, num_classes=3)
    model.conv1 = nn.Sequential(model.get_submodule("conv1"), _SingularValues())
    spec = PreprocessingSpec(input_size=64, resize_size=72)
    network = ScoringNetwork(model, architecture, spec)
    with pytest.raises(EngineUnavailable, match="ResNet of timm cannot be quantized"):
        quantize(network, torch.zeros(2, 3, 64, 64, dtype=torch.uint8))


def make_network(name: str, size: int) -> ScoringNetwork:
    """Build a network whose first convolution adds another number to each of its channels."""
    torch.manual_seed(0)
    architecture = get_architecture(name)
    model = construct(name, num_classes=3)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.bias)
    spec = PreprocessingSpec(input_size=size, resize_size=size)
    return ScoringNetwork(model.eval(), architecture, spec)


@pytest.mark.parametrize(("name", "size"), [("resnet18", 64), ("timm:deit_tiny_patch16_224", 224)])
@pytest.mark.parametrize(
    "make_engine",
    [OnnxRuntimeEngine, lambda graph: OpenVinoEngine(graph, "fp32", 1)],
    ids=["onnxruntime", "openvino"],
)
def test_int8_features_are_those_of_float32_in_each_engine(
    name: str, size: int, make_engine: Callable[[bytes], Engine]
) -> None:
    network = make_network(name, size)
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(256, (4, 3, size, size), dtype=torch.uint8, generator=generator)
    with torch.inference_mode():
        expected = network(images)[1].clone()
    features = make_engine(quantize(network, images)).run(images).features
    assert (features - expected).abs().mean() < 0.12 * expected.abs().mean()


def test_products_of_activations_stay_in_float32() -> None:
    network = make_network("timm:test_vit", 160)
    images = torch.zeros(2, 3, 160, 160, dtype=torch.uint8)
    graph = onnx.load_model_from_string(quantize(network, images)).graph
    rounded = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    inputs = [node.input for node in graph.node if node.op_type == "MatMul"]
    numbers = [sum(name in rounded for name in names) for names in inputs]
    assert sorted(set(numbers)) == [0, 2]  # attention, and the layers with weights
