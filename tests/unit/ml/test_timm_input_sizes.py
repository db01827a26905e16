"""Transformers of timm are built for a request's input size, and their weights resampled for it."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from app.errors import ValidationFailed
from app.ml.export.bundle import write_bundle
from app.ml.export.formats import ExportFormat
from app.ml.export.source_model import load_source_model
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models import checkpoint
from app.ml.models.architectures import build, build_arguments
from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.models.checkpoint import Checkpoint, CheckpointHeader
from app.ml.models.construction import construct
from app.ml.models.pretrained import load_pretrained
from app.ml.models.timm_catalogue_generator import describe
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust.heat_maps import Explainer
from app.storage import LocalStorage

SIZES = {
    "timm:deit_tiny_patch16_224": 96,
    "timm:eva02_tiny_patch14_224": 112,
    "timm:swin_tiny_patch4_window7_224": 96,
    "timm:beit_base_patch16_224": 64,
}
"""Positions for each patch, the same beside rotations, and tables for windows and for the image."""

CONVERTED = (
    "timm:deit_tiny_patch16_224",
    pytest.param("timm:swin_tiny_patch4_window7_224", marks=pytest.mark.all_architectures),
)

POSITIONS = ("pos_embed", "relative_position_bias_table")

pytestmark = pytest.mark.filterwarnings("ignore")  # timm's and the converters', about themselves


@pytest.fixture(params=list(SIZES), ids=[name.partition("_")[0] for name in SIZES], scope="module")
def architecture(request: pytest.FixtureRequest) -> ArchitectureSpec:
    return get_architecture(request.param)


@pytest.fixture
def size(architecture: ArchitectureSpec) -> int:
    return SIZES[architecture.name]


@pytest.fixture(scope="module")
def file(architecture: ArchitectureSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of random weights whose positions are all the same."""
    path = tmp_path_factory.mktemp("weights") / "timm" / f"{architecture.name[5:]}.safetensors"
    path.parent.mkdir()
    torch.manual_seed(0)
    tensors = construct(architecture.name).state_dict()
    for name, tensor in tensors.items():
        if name.endswith(POSITIONS):
            tensor.copy_(torch.randn(tensor.shape[-1]).expand_as(tensor))
    safetensors.torch.save_file(checkpoint.separate(tensors), path)
    return path


@pytest.fixture
def resampled(architecture: ArchitectureSpec, size: int, file: Path) -> dict[str, Tensor]:
    return load(architecture, size, file)


def load(architecture: ArchitectureSpec, size: int, file: Path) -> dict[str, Tensor]:
    return load_pretrained(
        architecture,
        "pretrained",
        weights_dir=file.parents[1],
        download_allowed=False,
        arguments=build_arguments(architecture.name, is_pretrained=True, input_size=size),
    ).state_dict


def make_model(
    architecture: ArchitectureSpec, size: int, tensors: dict[str, Tensor]
) -> tuple[nn.Module, CheckpointHeader]:
    arguments = build_arguments(architecture.name, is_pretrained=True, input_size=size)
    torch.manual_seed(0)
    model = build(architecture.name, 2, arguments=arguments, state_dict=tensors)
    header = CheckpointHeader(
        architecture=architecture.name,
        build_arguments=arguments,
        num_classes=2,
        class_names=("ants", "bees"),
        preprocessing=PreprocessingSpec(input_size=size, resize_size=size),
        weights={"source": "none", "name": "none", "digest": None},
    )
    return model, header


@pytest.mark.parametrize(
    ("name", "step", "is_built_for_size"),
    [
        pytest.param("pit_ti_224", None, False, id="225 pixels leave a pixel out"),
        pytest.param("test_coatnet", None, False, id="the mask of an attention has one size"),
        pytest.param("cait_xxs24_224", None, False, id="positions that timm does not resample"),
        pytest.param("lambda_resnet26t", 32, False, id="284 pixels are rounded down"),
        pytest.param("resnet18", 1, False, id="every size"),
        pytest.param("vit_small_patch14_dinov2", 14, True, id="positions that timm resamples"),
    ],
)
def test_input_sizes_are_those_that_run(
    name: str, step: int | None, *, is_built_for_size: bool
) -> None:
    found = describe(name)
    assert found.fixed_input_size == (step is None)
    assert found.input_size_step == (step or 1)
    assert found.is_built_for_size == is_built_for_size


def test_positions_are_resampled_and_all_else_stays(
    resampled: dict[str, Tensor], file: Path
) -> None:
    published = safetensors.torch.load_file(file)
    assert resampled.keys() == published.keys()
    others = [name for name in published if resampled[name].shape != published[name].shape]
    assert all(name.endswith(POSITIONS) for name in others)
    assert others or "swin" in file.name
    for name in others:
        expected = published[name][..., :1, :].expand_as(resampled[name])
        torch.testing.assert_close(resampled[name], expected)
    for name in published.keys() - set(others):
        assert torch.equal(resampled[name], published[name]), name


def test_the_usual_size_needs_no_argument(architecture: ArchitectureSpec, file: Path) -> None:
    usual = architecture.input_size
    assert build_arguments(architecture.name, is_pretrained=True, input_size=usual) == {}
    published = safetensors.torch.load_file(file)
    for name, tensor in load(architecture, usual, file).items():
        assert torch.equal(tensor, published[name]), name


def test_sizes_that_cut_a_patch_are_refused(architecture: ArchitectureSpec, size: int) -> None:
    architecture.check_input_size(size, 1)
    with pytest.raises(ValidationFailed) as caught:
        architecture.check_input_size(size + 1, 1)
    step = architecture.input_size_step
    assert caught.value.problems[0].allowed == (str(size), str(size + step))


def test_a_trained_model_is_stored_and_explained_at_its_size(
    architecture: ArchitectureSpec,
    size: int,
    resampled: dict[str, Tensor],
    storage: LocalStorage,
) -> None:
    model, header = make_model(architecture, size, resampled)
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    cross_entropy(model(images), torch.tensor([0, 1])).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    checkpoint.save(storage, "m.safetensors", Checkpoint(header, model.state_dict()))
    restored, again = checkpoint.restore_model(checkpoint.load(storage.path("m.safetensors")))
    assert again == header
    with torch.no_grad():
        assert torch.equal(restored(images), model.eval()(images))
    network = ScoringNetwork(restored, architecture, header.preprocessing)
    heat = Explainer(network).explain((images[0] * 255).to(torch.uint8), 1)
    assert heat.shape[0] == heat.shape[1] > 1


@pytest.mark.parametrize("architecture", CONVERTED, indirect=True)
@pytest.mark.parametrize("export_format", ["safetensors", "onnx", "openvino", "torch_export"])
def test_exports_have_its_size(
    architecture: ArchitectureSpec,
    size: int,
    resampled: dict[str, Tensor],
    storage: LocalStorage,
    tmp_path: Path,
    export_format: ExportFormat,
) -> None:
    model, header = make_model(architecture, size, resampled)
    stored = checkpoint.save(storage, "m.safetensors", Checkpoint(header, model.state_dict()))
    path = storage.path("m.safetensors")
    source = load_source_model(path, None, name="ants", version=1, digest=stored.digest)
    folder = tmp_path / "bundle"
    folder.mkdir()
    assert write_bundle(folder, source, export_format).num_images > 0  # it raises on a difference
