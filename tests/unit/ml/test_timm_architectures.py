"""Every architecture of timm behaves as torchvision's: one rule, one set of tests.

`make test` runs the small ones of several families, `make test-all` the smaller half of all and the
smallest of each family; it converts only the latter.
"""

import json
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from timm.models import model_entrypoint
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from app.errors import EngineUnavailable, ExportUnavailable
from app.ml.export.bundle import write_bundle
from app.ml.export.formats import ExportFormat
from app.ml.export.source_model import load_source_model
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models import checkpoint
from app.ml.models.architectures import build, build_arguments, is_trainable
from app.ml.models.catalogue import ArchitectureSpec, get_architecture, num_trainable_parameters
from app.ml.models.checkpoint import Checkpoint, CheckpointHeader
from app.ml.models.construction import construct
from app.ml.models.features import head_weights, set_head, tap_features
from app.ml.models.pretrained import load_pretrained
from app.ml.models.timm_catalogue import CATALOGUE_PATH, PREFIX, list_names
from app.ml.models.timm_catalogue_generator import to_line
from app.ml.recipe import Strategy
from app.ml.runtime.quantization import quantize
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust.heat_maps import Explainer
from app.predictions.engines.onnxruntime_engine import OnnxRuntimeEngine
from app.predictions.engines.torch_engine import TorchEngine
from app.storage import LocalStorage
from worker.training.frozen import extract_backbone
from worker.training.optim import list_by_depth

CLASS_NAMES = ("ants", "bees", "wasps")
BATCH_SIZE = 2
REPRESENTATIVES = (
    *("test_resnet", "test_efficientnet", "test_convnext", "test_vit3", "test_maxvit"),
)
"""Residual, inverted residual and large-kernel convolutions, a transformer with registers and
attention pooling, and a hybrid with windows."""

CONVERTED = ("test_resnet", "test_vit3")
"""Those that `make test` converts to other formats, which takes most of the time."""

QUANTIZED = (*CONVERTED, "test_vit")
"""Those that `make test` quantizes; the sums of the last one's blocks have outliers."""

LARGEST = 30_000_000
"""Architectures with more parameters take too long, and are of the same families."""


@cache
def _list_smallest() -> set[str]:
    """Return the smallest architecture of each of timm's modules, which are its families."""
    smallest: dict[str, ArchitectureSpec] = {}
    for name in list_names():
        architecture = get_architecture(name)
        family = model_entrypoint(name.removeprefix(PREFIX)).__module__
        known = smallest.setdefault(family, architecture)
        if architecture.num_parameters < known.num_parameters:
            smallest[family] = architecture
    return {architecture.name for architecture in smallest.values()}


def _list_parameters(representatives: Collection[str], *, largest: int) -> Iterator[Any]:
    """List the representatives, the smallest of each family, and others up to the largest."""
    smallest = _list_smallest()
    for name in list_names():
        short = name.removeprefix(PREFIX)
        if short in representatives:
            yield pytest.param(name, id=short)
        elif name in smallest or get_architecture(name).num_parameters <= largest:
            yield pytest.param(name, id=short, marks=pytest.mark.all_architectures)


pytestmark = pytest.mark.filterwarnings("ignore")  # timm's and the converters', about themselves

each_architecture = pytest.mark.parametrize(
    "architecture",
    list(_list_parameters(REPRESENTATIVES, largest=LARGEST)),
    indirect=True,
    scope="module",
)
each_converted = pytest.mark.parametrize(
    "architecture", list(_list_parameters(CONVERTED, largest=0)), indirect=True, scope="module"
)
each_quantized = pytest.mark.parametrize(
    "architecture", list(_list_parameters(QUANTIZED, largest=0)), indirect=True, scope="module"
)


@pytest.fixture(scope="module")
def architecture(request: pytest.FixtureRequest) -> ArchitectureSpec:
    return get_architecture(request.param)


@pytest.fixture(scope="module")
def weights_dir(architecture: ArchitectureSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with random weights of timm's own model, as its authors publish them."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    num_classes = architecture.weights[0].num_classes if architecture.weights else 1000
    model = construct(architecture.name, num_classes=num_classes)
    norms = [one for one in model.modules() if isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
        if not norm.weight.any():
            nn.init.ones_(norm.weight)  # a block that starts at zero would ignore the image
    if norms:
        with torch.no_grad():
            model.train()(normalised(architecture, 8, architecture.input_size))
    (folder / "timm").mkdir()
    path = folder / "timm" / f"{architecture.name.removeprefix(PREFIX)}.safetensors"
    safetensors.torch.save_file(checkpoint.separate(model.state_dict()), path)
    return folder


@pytest.fixture(scope="module")
def published(architecture: ArchitectureSpec, weights_dir: Path) -> dict[str, Tensor]:
    if not architecture.weights:
        (path,) = (weights_dir / "timm").iterdir()
        return safetensors.torch.load_file(path)
    loaded = load_pretrained(
        architecture,
        "pretrained",
        weights_dir=weights_dir,
        download_allowed=False,
        arguments=choose_arguments(architecture),
    )
    assert loaded.provenance.source == "local"
    return loaded.state_dict


def make_model(
    architecture: ArchitectureSpec,
    published: dict[str, Tensor],
    strategy: Strategy = "feature_extract",
    trainable_from: str | None = None,
) -> nn.Module:
    torch.manual_seed(0)
    model = build(
        architecture.name,
        len(CLASS_NAMES),
        arguments=choose_arguments(architecture),
        is_trained=lambda name: is_trainable(architecture, name, strategy, trainable_from),
        state_dict=published,
    )
    weight, bias = head_weights(model, architecture)
    nn.init.normal_(weight, std=0.2)  # scores that differ enough for a comparison
    set_head(model, architecture, weight, bias)
    return model


def make_spec(architecture: ArchitectureSpec) -> PreprocessingSpec:
    size = choose_size(architecture)
    return PreprocessingSpec(input_size=size, resize_size=size * 8 // 7, interpolation="bicubic")


def choose_size(architecture: ArchitectureSpec) -> int:
    """Return the architecture's size, or a smaller one where it has several and weights for it."""
    if architecture.fixed_input_size or not architecture.weights:
        return architecture.input_size
    step = architecture.input_size_step
    smallest = max(64, architecture.min_input_size_batch_of_one)
    return min(architecture.input_size, smallest + (architecture.input_size - smallest) % step)


def choose_arguments(architecture: ArchitectureSpec) -> dict[str, bool | int]:
    return build_arguments(
        architecture.name, is_pretrained=True, input_size=choose_size(architecture)
    )


def draw_images(
    architecture: ArchitectureSpec, count: int = BATCH_SIZE, size: int | None = None
) -> Tensor:
    """Draw blurred images: networks with random weights hardly tell noise from other noise."""
    size = size or choose_size(architecture)
    random = torch.Generator().manual_seed(1)
    colours = torch.rand(count, 3, 4, 4, generator=random) * 255
    return interpolate(colours, (size, size), mode="bilinear").round().to(torch.uint8)


def normalised(
    architecture: ArchitectureSpec, count: int = BATCH_SIZE, size: int | None = None
) -> Tensor:
    return (draw_images(architecture, count, size).float() / 255 - 0.5) / 0.25


def measure_rounding(network: ScoringNetwork, images: Tensor) -> float:
    """Return how much scores in float32 differ from exact ones; random weights can amplify it."""
    with torch.no_grad():
        rounded = network(images)[0]
        exact = network.double()(images)[0]
    network.float()
    return float((rounded - exact).abs().max())


def make_header(
    architecture: ArchitectureSpec, trunk_digest: str | None = None
) -> CheckpointHeader:
    return CheckpointHeader(
        architecture=architecture.name,
        build_arguments=choose_arguments(architecture),
        num_classes=len(CLASS_NAMES),
        class_names=CLASS_NAMES,
        preprocessing=make_spec(architecture),
        weights={"source": "none", "name": "none", "digest": None},
        trunk_digest=trunk_digest,
    )


def save_model(
    architecture: ArchitectureSpec, model: nn.Module, storage: LocalStorage
) -> tuple[Path, str]:
    model_checkpoint = Checkpoint(make_header(architecture), model.state_dict())
    stored = checkpoint.save(storage, "m.safetensors", model_checkpoint)
    return storage.path("m.safetensors"), stored.digest


@each_architecture
def test_the_catalogue_equals_the_generators_output(architecture: ArchitectureSpec) -> None:
    lines = CATALOGUE_PATH.read_text(encoding="utf-8").splitlines()
    (line,) = (one for one in lines if json.loads(one)["name"] == architecture.name)
    assert to_line(architecture.name.removeprefix(PREFIX)) == line


@each_architecture
def test_published_weights_fit_except_for_the_head(
    architecture: ArchitectureSpec, published: dict[str, Tensor]
) -> None:
    model = make_model(architecture, published)
    head = architecture.heads[-1].name
    tensors = model.state_dict()
    assert {name for name in tensors if name not in published} <= {f"{head}.weight", f"{head}.bias"}
    for name, tensor in published.items():
        if name.rpartition(".")[0] != head:
            assert torch.equal(tensors[name], tensor), name
    assert tensors[f"{head}.weight"].shape[0] == len(CLASS_NAMES)


@each_architecture
def test_the_scores_are_a_matrix_applied_to_the_features(
    architecture: ArchitectureSpec, published: dict[str, Tensor]
) -> None:
    model = make_model(architecture, published).eval()
    images = normalised(architecture)
    features = tap_features(model, architecture, images)
    weight, bias = head_weights(model, architecture)
    assert features.shape == (BATCH_SIZE, architecture.heads[-1].in_features)
    with torch.no_grad():
        torch.testing.assert_close(model(images), features @ weight.T + bias, rtol=1e-4, atol=1e-4)
        run_once = extract_backbone(model, architecture)(images)
    torch.testing.assert_close(run_once, features, rtol=1e-5, atol=1e-5)


@each_architecture
@pytest.mark.parametrize("strategy", ["feature_extract", "partial", "fine_tune", "scratch"])
def test_a_step_changes_exactly_the_trainable_layers(
    architecture: ArchitectureSpec, published: dict[str, Tensor], strategy: Strategy
) -> None:
    first = architecture.layers[len(architecture.layers) // 2].name
    trainable_from = first if strategy == "partial" else None
    model = make_model(architecture, published, strategy, trainable_from)
    trainable = [p for p in model.parameters() if p.requires_grad]
    if not choose_arguments(architecture):  # another size has other positions
        assert sum(p.numel() for p in trainable) == num_trainable_parameters(
            architecture, strategy, trainable_from, len(CLASS_NAMES)
        )
    depths = list_by_depth(model, architecture)
    assert sum(p.numel() for depth in depths for p in depth) == sum(p.numel() for p in trainable)
    if hasattr(model, "group_matcher"):  # without groups (PiT) a class token is outside
        assert not depths[-1], "a parameter belongs to no layer"
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD(trainable, lr=0.1)
    scores = model.train()(normalised(architecture))
    cross_entropy(scores, torch.tensor([0, 2])).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert f"{architecture.heads[-1].name}.weight" in changed
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert not changed & frozen
    if strategy != "feature_extract":
        assert len(changed) > 2


@each_architecture
def test_a_restored_model_gives_the_same_scores(
    architecture: ArchitectureSpec, published: dict[str, Tensor], storage: LocalStorage
) -> None:
    model = make_model(architecture, published).eval()
    path, digest = save_model(architecture, model, storage)
    restored, _ = checkpoint.restore_model(checkpoint.load(path, digest=digest))
    images = normalised(architecture)
    with torch.no_grad():
        assert torch.equal(restored(images), model(images))


@each_architecture
def test_a_delta_fits_the_model_it_was_taken_from(
    architecture: ArchitectureSpec, published: dict[str, Tensor], storage: LocalStorage
) -> None:
    first = architecture.layers[-1].name
    model = make_model(architecture, published, "partial", first)
    header = make_header(architecture, trunk_digest=checkpoint.compute_backbone_digest(model))
    delta = Checkpoint(header, checkpoint.take_delta(model))
    checkpoint.save(storage, "d.safetensors", delta)
    again = make_model(architecture, published, "partial", first)
    weight, _ = head_weights(again, architecture)
    nn.init.zeros_(weight)
    checkpoint.apply_delta(again, checkpoint.load(storage.path("d.safetensors")))
    expected = model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in again.state_dict().items())


@each_converted
@pytest.mark.parametrize("export_format", ["safetensors", "onnx", "openvino", "torch_export"])
def test_exports_give_the_same_scores(
    architecture: ArchitectureSpec,
    published: dict[str, Tensor],
    storage: LocalStorage,
    tmp_path: Path,
    export_format: ExportFormat,
) -> None:
    path, digest = save_model(architecture, make_model(architecture, published), storage)
    source = load_source_model(path, None, name="ants", version=1, digest=digest)
    if (
        architecture.name.removeprefix(PREFIX) not in CONVERTED
        and export_format != "safetensors"
        and measure_rounding(source.network.network, draw_images(architecture)) > 1e-3
    ):
        pytest.skip("these random weights amplify rounding beyond what exports may differ by")
    folder = tmp_path / "bundle"
    folder.mkdir()
    try:
        check = write_bundle(folder, source, export_format)  # it raises on a difference
    except ExportUnavailable as refusal:
        assert architecture.name.removeprefix(PREFIX) not in CONVERTED
        assert export_format != "safetensors"
        pytest.skip(refusal.message)
    assert check.num_images > 0


@each_architecture
def test_folding_for_serving_keeps_the_scores(
    architecture: ArchitectureSpec, published: dict[str, Tensor]
) -> None:
    model = make_model(architecture, published)
    network = ScoringNetwork(model, architecture, make_spec(architecture))
    images = draw_images(architecture)
    tolerance = 1e-3 + 4 * measure_rounding(network, images)
    with torch.inference_mode():
        expected = network(images)[0].clone()
    scores = TorchEngine(network, torch.device("cpu"), "fp32").run(images)
    torch.testing.assert_close(scores.logits, expected, rtol=1e-3, atol=tolerance)


@each_architecture
def test_heat_maps_have_positions(
    architecture: ArchitectureSpec, published: dict[str, Tensor]
) -> None:
    model = make_model(architecture, published)
    explainer = Explainer(ScoringNetwork(model, architecture, make_spec(architecture)))
    heat = explainer.explain(draw_images(architecture)[0], 1)
    assert heat.ndim == 2
    assert heat.shape[0] == heat.shape[1] > 1
    assert heat.max() == 1


@each_quantized
def test_int8_scores_resemble_those_of_float32(
    architecture: ArchitectureSpec, published: dict[str, Tensor]
) -> None:
    model = make_model(architecture, published)
    network = ScoringNetwork(model, architecture, make_spec(architecture))
    images = draw_images(architecture, 6)
    with torch.inference_mode():
        expected = network(images)[0].clone()
    try:
        content = quantize(network, images)
    except EngineUnavailable as refusal:
        assert architecture.name.removeprefix(PREFIX) not in QUANTIZED
        pytest.skip(refusal.message)
    scores = OnnxRuntimeEngine(content).run(images).logits
    error = (scores - expected).abs().mean() / expected.abs().mean()
    assert scores.isfinite().all()
    # Other random networks amplify the rounding; of trained ones a gate measures what it costs.
    if architecture.name.removeprefix(PREFIX) in QUANTIZED:
        assert error < 0.25
