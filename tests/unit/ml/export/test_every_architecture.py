"""Exported graphs give the same outputs as the model, for every architecture."""

from collections.abc import Callable
from pathlib import Path

import onnxruntime
import openvino
import pytest
import torch
from torch import Tensor
from torch.export import ExportedProgram

from app.ml.export import onnx_format, openvino_format
from app.ml.export.bundle import write_bundle
from app.ml.export.golden_images import compare, draw_golden_images
from app.ml.export.network import OUTPUTS, CalibratedNetwork, PixelNetwork, trace
from app.ml.export.source_model import Outputs, Pixels, SourceModel
from app.ml.images.preprocessing import PreprocessingSpec, eval_pixels, normalize
from app.ml.models.architectures import build, build_arguments
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.models.checkpoint import CheckpointHeader
from app.ml.models.pretrained import Provenance
from app.ml.runtime.scoring import ScoringNetwork
from tests.architectures import for_each_architecture
from tests.unit.ml.architectures import each_architecture

QUICK = frozenset({"resnet18"})
"""A linear head; tests/contract/test_exports.py covers a convolutional one."""

Run = Callable[[Pixels], Outputs]

PICTURES = ("landscape", "narrow")

pytestmark = pytest.mark.filterwarnings("ignore")  # the converters' own, about themselves


@for_each_architecture(QUICK)
def test_the_graphs_outputs_equal_the_models(
    architecture: ArchitectureSpec, tmp_path: Path
) -> None:
    source = make_original(architecture)
    spec = source.header.preprocessing
    golden = draw_golden_images(spec)
    pictures = {name: golden[name] for name in PICTURES}
    expected = {name: source.run(pixels) for name, pixels in pictures.items()}

    program = trace(PixelNetwork(source.network, spec))
    compare(load_torch(program), pictures, expected)
    onnx_format.convert(program).save(tmp_path / "model.onnx")
    del program
    compare(load_onnx(tmp_path / "model.onnx"), pictures, expected)
    for file in tmp_path.iterdir():
        file.unlink()  # the largest has gigabytes
    compare(load_openvino(openvino_format.make_graph(source.network, spec)), pictures, expected)


@each_architecture
def test_torchvision_builds_the_same_model_from_the_export(
    architecture: ArchitectureSpec, tmp_path: Path
) -> None:
    source = make_original(architecture)
    assert write_bundle(tmp_path, source, "safetensors").max_probability_difference < 1e-4
    (tmp_path / "model.safetensors").unlink()  # the largest has gigabytes


def load_torch(program: ExportedProgram) -> Run:
    module = program.module()

    def run(pixels: Pixels) -> Outputs:
        with torch.inference_mode():
            return tuple(output.numpy() for output in module(torch.from_numpy(pixels[None])))

    return run


def load_onnx(path: Path) -> Run:
    session = onnxruntime.InferenceSession(path)
    return lambda pixels: tuple(session.run(OUTPUTS, {"pixels": pixels[None]}))


def load_openvino(model: openvino.Model) -> Run:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda pixels: tuple(compiled(pixels[None]).values())


def make_original(architecture: ArchitectureSpec) -> SourceModel:
    """A model at a size that is quick, its running statistics those of real activations."""
    size = (
        architecture.input_size
        if architecture.fixed_input_size
        else max(architecture.min_input_size_batch_of_one, 64)
    )
    arguments = build_arguments(architecture.name, is_pretrained=True, head="linear")
    torch.manual_seed(0)
    model = build(architecture.name, 3, arguments=arguments)
    header = CheckpointHeader(
        architecture=architecture.name,
        build_arguments=arguments,
        num_classes=3,
        class_names=("ants", "bees", "wasps"),
        preprocessing=PreprocessingSpec(
            input_size=size,
            resize_size=size + 8,
            interpolation=architecture.weights[0].interpolation,
        ),
        weights=Provenance(source="none", name="none", digest=None),
    )
    settle(model, draw_images(header.preprocessing))
    network = ScoringNetwork(model, architecture, header.preprocessing)
    calibrated = CalibratedNetwork(network, 1.5).eval()
    return SourceModel("ants", 1, "0" * 64, header, model, calibrated)


def draw_images(spec: PreprocessingSpec) -> Tensor:
    """The golden pictures, and noise: the pictures alone are so alike that rounding grows."""
    pictures = [
        torch.from_numpy(pixels).permute(2, 0, 1) for pixels in draw_golden_images(spec).values()
    ]
    levels = torch.stack([eval_pixels(pixels, spec) for pixels in pictures])
    noise = torch.randn(4, 3, spec.input_size, spec.input_size)
    return torch.cat([normalize(levels, spec), noise])


def settle(model: torch.nn.Module, images: Tensor) -> None:
    """Let BatchNorm see images, without which random deep networks blow up.

    Everything else as it answers: what stochastic depth left out would blow up later.
    """
    model.eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            module.train()
    with torch.no_grad():
        model(images)
    model.eval()
