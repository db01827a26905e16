"""Properties that every engine has."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from app.errors import EngineUnavailable, Overloaded, ValidationFailed
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models.architectures import build, build_arguments
from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.models.folding import fold_batch_norms
from app.ml.runtime.openvino_graph import convert
from app.ml.runtime.scoring import ScoringNetwork
from app.predictions.engines.batching import BatchingEngine
from app.predictions.engines.choice import choose_engine, make_builder
from app.predictions.engines.cuda_graphs import list_sizes
from app.predictions.engines.engine import Engine, EngineName
from app.predictions.engines.openvino_engine import OpenVinoEngine
from app.predictions.engines.torch_engine import TorchEngine
from tests.architectures import for_each_architecture
from tests.conftest import REPOSITORY
from tests.engines import ENGINES

CPU = torch.device("cpu")
NUM_CLASSES = 3
TOLERANCES = {"fp32": 0.001, "bf16": 0.02}
LOAD_AND_DELETE = """
import gc
import sys

import psutil

from app.ml.models.catalogue import get_architecture
from app.predictions.engines.choice import make_builder
from tests.unit.predictions.test_engines import CPU, draw_pixels, make_network


def grow_by(times):
    before = psutil.Process().memory_info().rss
    for _ in range(times):
        build(make_network(get_architecture("squeezenet1_0"), size=64)).run(draw_pixels(1, 64))
        gc.collect()  # torch.jit.trace leaves cycles
    return psutil.Process().memory_info().rss - before


build = make_builder(sys.argv[1], CPU, "fp32")
grow_by(6)
print(grow_by(16) / 2**20)
"""


def make_network(
    entry: ArchitectureSpec, *, size: int, num_classes: int = NUM_CLASSES
) -> ScoringNetwork:
    """Return a network with distinct classes and batch statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        arguments = build_arguments(entry.name, is_pretrained=False)
        model = build(entry.name, num_classes, arguments=arguments)
        for name, tensor in model.state_dict().items():
            if name.endswith("running_mean"):
                tensor.normal_(std=0.1)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
    spec = PreprocessingSpec(input_size=size, resize_size=size)
    return ScoringNetwork(model.eval(), entry, spec)


def draw_pixels(number: int, size: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (number, 3, size, size), dtype=torch.uint8, generator=generator)


@pytest.fixture(scope="module")
def network() -> ScoringNetwork:
    return make_network(get_architecture("resnet18"), size=64)


@pytest.fixture(scope="module", params=[*ENGINES, ("batching", "fp32")], ids="-".join)
def engine(request: pytest.FixtureRequest) -> Engine:
    name, precision = request.param
    if name == "batching":
        torch_engine = make_builder("torch", CPU, precision)
        return BatchingEngine(torch_engine(make_network(get_architecture("resnet18"), size=64)), 3)
    return make_builder(name, CPU, precision)(make_network(get_architecture("resnet18"), size=64))


def probabilities(engine: Engine, pixels: Tensor) -> Tensor:
    return engine.run(pixels).logits.softmax(1)


def test_scores_are_float32_and_as_many_as_images(engine: Engine) -> None:
    scores = engine.run(draw_pixels(3, 64))
    assert scores.logits.shape == (3, NUM_CLASSES)
    assert scores.features.shape == (3, 512)
    assert scores.logits.dtype == scores.features.dtype == torch.float32
    assert engine.num_bytes > 11_000_000 * (2 if engine.precision == "bf16" else 4)


def test_scores_equal_the_networks(engine: Engine, network: ScoringNetwork) -> None:
    pixels = draw_pixels(5, 64)
    with torch.inference_mode():
        logits, features = network(pixels)
    assert logits.softmax(1).std(0).max() > 0.01  # the images do not all look alike
    tolerance = TOLERANCES[engine.precision]
    scores = engine.run(pixels)
    assert (scores.logits.softmax(1) - logits.softmax(1)).abs().max() < tolerance
    similarity = torch.nn.functional.cosine_similarity(scores.features, features)
    assert similarity.min() > 1 - tolerance


def test_an_image_gets_the_same_scores_in_any_batch(engine: Engine) -> None:
    pixels = draw_pixels(5, 64)
    alone = torch.cat([probabilities(engine, image[None]) for image in pixels])
    tolerance = TOLERANCES[engine.precision] / 2
    for batch in (pixels, pixels.flip(0), pixels[[0, 1, 2, 0]]):
        answered = probabilities(engine, batch)
        for image, answer in zip(batch, answered, strict=True):
            (where,) = (i for i in range(5) if torch.equal(pixels[i], image))
            assert (answer - alone[where]).abs().max() < tolerance


def test_pixels_may_have_any_memory_layout(engine: Engine) -> None:
    pixels = draw_pixels(2, 64)
    turned = pixels.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert torch.equal(engine.run(turned).logits, engine.run(pixels).logits)


def test_several_threads_get_their_own_scores(engine: Engine) -> None:
    pixels = draw_pixels(8, 64)

    def ask(number: int) -> Tensor:
        torch.set_num_threads(1)
        return engine.run(pixels[number % 8][None]).logits

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(ask, range(64)))
    # More than rounding in another batch changes, and less than the distance to other images.
    for number, answer in enumerate(answers):
        assert torch.allclose(answer, answers[number % 8], atol=0.01)


@pytest.mark.parametrize("num_callers", [1, 3])
def test_openvino_has_a_stream_for_every_caller(network: ScoringNetwork, num_callers: int) -> None:
    engine = make_builder("openvino", CPU, "fp32", num_callers=num_callers)(network)
    assert isinstance(engine, OpenVinoEngine)
    assert engine.num_streams == min(num_callers, os.cpu_count() or 1)


def test_scores_are_not_overwritten_by_the_next_call(engine: Engine) -> None:
    first = engine.run(draw_pixels(1, 64))
    copy = first.logits.clone()
    engine.run(255 - draw_pixels(1, 64))
    assert torch.equal(first.logits, copy)


@pytest.mark.parametrize("size", [96, 97, 98, 99])
def test_openvino_computes_no_pool_indices(size: int) -> None:
    """Pools that round up are replaced for every remainder of a size, with equal outputs."""
    network = make_network(get_architecture("googlenet"), size=size)
    pixels = draw_pixels(2, size)
    with torch.inference_mode():
        expected, _ = network(pixels)
    graph = convert(network, torch.zeros(1, 3, size, size, dtype=torch.uint8))
    roundings = {op.get_attributes().get("rounding_type") for op in graph.get_ops()}
    assert roundings == {None, "floor"}
    engine = make_builder("openvino", CPU, "fp32")(network)
    assert torch.allclose(engine.run(pixels).logits, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("largest", "sizes"),
    [(1, [1]), (2, [1, 2]), (6, [1, 2, 4, 6]), (64, [1, 2, 4, 8, 16, 32, 64])],
)
def test_graphs_are_captured_for_powers_of_two_and_the_largest(
    largest: int, sizes: list[int]
) -> None:
    assert list_sizes(largest) == sizes


def test_a_full_gpu_raises_overloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    engine = TorchEngine(make_network(get_architecture("squeezenet1_0"), size=64), CPU, "fp32")
    monkeypatch.setattr(ScoringNetwork, "forward", run_out)
    with pytest.raises(Overloaded, match="2 images"):
        engine.run(draw_pixels(2, 64))


@for_each_architecture({"densenet121", "mobilenet_v3_small", "vit_b_32", "swin_t"})
def test_openvino_takes_every_architecture(architecture: ArchitectureSpec) -> None:
    network = make_network(architecture, size=architecture.input_size)
    pixels = draw_pixels(3, architecture.input_size)
    with torch.inference_mode():
        logits, features = network(pixels)
    scores = make_builder("openvino", CPU, "fp32")(network).run(pixels)
    assert (scores.logits.softmax(1) - logits.softmax(1)).abs().max() < 0.001
    assert torch.allclose(scores.features, features, rtol=0.01, atol=0.01)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "inception_v3", "squeezenet1_0"])
def test_folding_norms_changes_scores_by_rounding_only(name: str) -> None:
    entry = get_architecture(name)
    network = make_network(entry, size=96)
    pixels = draw_pixels(2, 96)
    with torch.inference_mode():
        before, _ = network(pixels)
        num_norms = count_norms(network)
        fold_batch_norms(network.model)
        after, _ = network(pixels)
    assert count_norms(network) < num_norms or num_norms == 0
    assert torch.allclose(before, after, atol=1e-4, rtol=1e-4)


def count_norms(network: ScoringNetwork) -> int:
    return sum(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())


def test_every_import_of_openvino_is_the_quiet_one() -> None:
    imports = re.compile(r"^\s*(import|from) openvino\b", re.MULTILINE)
    sources = [path for folder in ("app", "worker") for path in (REPOSITORY / folder).rglob("*.py")]
    loud = {path.name for path in sources if imports.search(path.read_text())}
    assert loud == {
        "quiet_openvino.py",
        "predict_openvino.py",
    }  # an example for users


class TestChoice:
    @pytest.fixture
    def without(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        """Make a package look as if it were not installed."""

        def hide(hidden: str) -> None:
            monkeypatch.setattr(
                "app.predictions.engines.choice.find_spec",
                lambda module: None if module == hidden else object(),
            )

        return hide

    def test_auto_is_openvino_on_x86_where_it_is_installed(
        self, monkeypatch: pytest.MonkeyPatch, without: Callable[[str], None]
    ) -> None:
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        assert choose_engine("auto", CPU) == "openvino"
        assert choose_engine("auto", torch.device("cuda")) == "torch"
        without("openvino")
        assert choose_engine("auto", CPU) == "torch"

    def test_auto_is_torch_on_other_processors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("platform.machine", lambda: "aarch64")
        assert choose_engine("auto", CPU) == "torch"

    @pytest.mark.parametrize(
        ("name", "package", "extra"),
        [("openvino", "openvino", "openvino"), ("onnxruntime", "onnxscript", "onnx")],
    )
    def test_the_error_names_the_extra_of_an_engine_that_is_not_installed(
        self, name: EngineName, package: str, extra: str, without: Callable[[str], None]
    ) -> None:
        without(package)
        with pytest.raises(EngineUnavailable, match=rf"graft-server\[{extra}\]"):
            choose_engine(name, CPU)

    def test_unsupported_combinations_are_refused(self) -> None:
        with pytest.raises(EngineUnavailable, match="cuda"):
            choose_engine("openvino", torch.device("cuda"))
        with pytest.raises(EngineUnavailable, match="fp32"):
            make_builder("onnxruntime", CPU, "bf16")
        with pytest.raises(ValidationFailed):
            make_builder("openvino", CPU, "fp16")

    def test_openvino_refuses_an_unsupported_precision(
        self, network: ScoringNetwork, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.predictions.engines.openvino_engine.supports_bf16", lambda: False)
        monkeypatch.setattr(
            "app.predictions.engines.choice.choose_precision", lambda *_: "bf16"
        )  # what other engines would take
        assert make_builder("openvino", CPU, "auto")(network).precision == "fp32"
        with pytest.raises(EngineUnavailable, match="auto or fp32"):
            make_builder("openvino", CPU, "bf16")


@pytest.mark.parametrize("name", ["torch", "openvino"])
def test_deleted_models_free_their_memory(name: EngineName) -> None:
    program = [sys.executable, "-c", LOAD_AND_DELETE, name]
    told = subprocess.run(program, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert float(told.stdout) < 8  # MiB, after 16 models: the traces alone would be 60
