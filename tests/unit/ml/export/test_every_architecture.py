"""Every architecture keeps its answers in the forms that are graphs."""

from collections.abc import Callable
from pathlib import Path

import onnxruntime
import openvino
import pytest
import torch
from torch import Tensor
from torch.export import ExportedProgram

from app.ml.export import onnx_graph, openvino_ir
from app.ml.export.bundle import write_bundle
from app.ml.export.golden import compare, draw_golden
from app.ml.export.network import OUTPUTS, CalibratedNetwork, PixelNetwork, trace
from app.ml.export.original import Original, Outputs, Pixels
from app.ml.images.preprocessing import PreprocessingSpec, eval_pixels, normalize
from app.ml.models.architectures import build, build_arguments
from app.ml.models.catalogue import Entry, list_entries
from app.ml.models.checkpoint import CheckpointHeader
from app.ml.models.pretrained import Provenance
from app.ml.runtime.scoring import ScoringNetwork
from tests.unit.ml.architectures import each_architecture

QUICK = frozenset({"resnet18"})
"""Its head is a matrix; tests/contract/test_exports.py does the same with one of convolutions."""

Run = Callable[[Pixels], Outputs]

PICTURES = ("landscape", "narrow")

pytestmark = pytest.mark.filterwarnings("ignore")  # the converters' own, about themselves


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(
            entry, id=entry.name, marks=() if entry.name in QUICK else pytest.mark.all_architectures
        )
        for entry in list_entries()
    ],
)
def test_the_graphs_answer_as_the_model_does(entry: Entry, tmp_path: Path) -> None:
    original = make_original(entry)
    spec = original.header.preprocessing
    golden = draw_golden(spec)
    pictures = {name: golden[name] for name in PICTURES}
    expected = {name: original.run(pixels) for name, pixels in pictures.items()}

    program = trace(PixelNetwork(original.network, spec))
    compare(load_torch(program), pictures, expected)
    onnx_graph.convert(program).save(tmp_path / "model.onnx")
    del program
    compare(load_onnx(tmp_path / "model.onnx"), pictures, expected)
    for file in tmp_path.iterdir():
        file.unlink()  # the largest has gigabytes
    compare(load_openvino(openvino_ir.make_graph(original.network, spec)), pictures, expected)


@each_architecture
def test_torchvision_builds_the_same_model_from_the_weights(entry: Entry, tmp_path: Path) -> None:
    original = make_original(entry)
    assert write_bundle(tmp_path, original, "safetensors").max_probability_difference < 1e-4
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


def make_original(entry: Entry) -> Original:
    """A model at a size that is quick, its running statistics those of real activations."""
    size = (
        entry.input_size if entry.fixed_input_size else max(entry.min_input_size_batch_of_one, 64)
    )
    arguments = build_arguments(entry.name, is_pretrained=True, head="linear")
    torch.manual_seed(0)
    model = build(entry.name, 3, arguments=arguments)
    header = CheckpointHeader(
        architecture=entry.name,
        build_arguments=arguments,
        num_classes=3,
        class_names=("ants", "bees", "wasps"),
        preprocessing=PreprocessingSpec(
            input_size=size, resize_size=size + 8, interpolation=entry.weights[0].interpolation
        ),
        weights=Provenance(source="none", name="none", digest=None),
    )
    settle(model, draw_images(header.preprocessing))
    network = ScoringNetwork(model, entry, header.preprocessing)
    calibrated = CalibratedNetwork(network, 1.5).eval()
    return Original("ants", 1, "0" * 64, header, model, calibrated)


def draw_images(spec: PreprocessingSpec) -> Tensor:
    """The golden pictures, and noise: the pictures alone are so alike that rounding grows."""
    pictures = [torch.from_numpy(pixels).permute(2, 0, 1) for pixels in draw_golden(spec).values()]
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
