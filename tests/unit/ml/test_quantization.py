import pytest
import torch
from torch import Tensor, nn

from app.errors import EngineUnavailable
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.catalogue import get_architecture
from app.ml.models.construction import construct
from app.ml.runtime.quantization import quantize
from app.ml.runtime.scoring import ScoringNetwork

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
