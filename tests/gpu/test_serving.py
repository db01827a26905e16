"""Answering on a CUDA device."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.recipe import Precision
from app.ml.runtime.scoring import Scores
from app.predictions.engines.batching import BatchingEngine
from app.predictions.engines.choice import choose_engine, make_builder
from app.predictions.engines.cuda_graphs import CudaGraphEngine
from app.predictions.engines.torch_engine import TorchEngine
from tests.architectures import for_each_architecture
from tests.unit.predictions.test_engines import draw_pixels, make_network

pytestmark = pytest.mark.gpu

CUDA = torch.device("cuda")
PRECISIONS: list[tuple[Precision, float]] = [("fp32", 0.001), ("auto", 0.02)]


def build(precision: Precision) -> BatchingEngine:
    """As the service does."""
    make = make_builder("torch", CUDA, precision, gpu_batch_size=64)
    engine = make(make_network(get_architecture("resnet18"), size=64))
    assert isinstance(engine, BatchingEngine)
    return engine


def differ(some: Scores, others: Scores) -> float:
    """The greatest difference of a probability."""
    return float((some.logits.softmax(1) - others.logits.softmax(1)).abs().max())


@pytest.mark.parametrize(("precision", "tolerance"), PRECISIONS)
def test_answers_are_the_networks_alone_and_in_any_batch(
    precision: Precision, tolerance: float
) -> None:
    pixels = draw_pixels(9, 64)
    with torch.inference_mode():
        expected, _ = make_network(get_architecture("resnet18"), size=64)(pixels)
    name = choose_engine("auto", CUDA)
    engine = make_builder(name, CUDA, precision)(
        make_network(get_architecture("resnet18"), size=64)
    )
    assert name == "torch"
    for batch in (pixels, pixels[:1], pixels[3:8]):
        first = int((pixels == batch[0]).flatten(1).all(1).nonzero()[0])
        scores = engine.run(batch)
        difference = scores.logits.softmax(1) - expected.softmax(1)[first : first + len(batch)]
        assert difference.abs().max() < tolerance
        assert scores.features.device.type == "cpu"


@pytest.mark.parametrize(("precision", "tolerance"), PRECISIONS)
def test_graphs_answer_what_the_network_does(precision: Precision, tolerance: float) -> None:
    engine = build(precision)
    assert isinstance(engine.engine, CudaGraphEngine)
    assert engine.engine.capture_error is None
    eager = make_builder("torch", CUDA, precision)(
        make_network(get_architecture("resnet18"), size=64)
    )
    pixels = draw_pixels(100, 64)
    kept = []
    for number in (64, 1, 8, 3, 1, 100):  # each graph after a larger one and after a smaller one
        batch = pixels[-number:]
        expected, scores = eager.run(batch), engine.run(batch)
        assert scores.logits.shape == expected.logits.shape
        assert differ(scores, expected) < tolerance
        similarity = torch.nn.functional.cosine_similarity(scores.features, expected.features)
        assert similarity.min() > 1 - tolerance
        kept.append((scores, expected))
    for scores, expected in kept:  # the next answers have not been written over them
        assert differ(scores, expected) < tolerance


def test_callers_at_once_get_their_own_answers() -> None:
    engine = build("fp32")
    pixels = draw_pixels(40, 64)
    expected = engine.run(pixels)

    def ask(number: int) -> float:
        own = slice(number % 37, number % 37 + 1 + number % 3)
        scores = engine.run(pixels[own])
        return differ(scores, Scores(expected.logits[own], expected.features[own]))

    with ThreadPoolExecutor(16) as callers:
        assert max(callers.map(ask, range(800))) < 0.001


def test_a_model_answers_while_others_are_loaded_and_dropped() -> None:
    engine = build("fp32")
    pixels = draw_pixels(5, 64)
    expected = engine.run(pixels)
    differences: list[float] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            differences.append(differ(engine.run(pixels), expected))
            torch.rand(1000, 1000, device=CUDA).sum().item()  # others allocate, too

    with ThreadPoolExecutor(4) as callers:
        asking = [callers.submit(ask) for _ in range(4)]
        try:
            for _ in range(3):
                assert differ(build("fp32").run(pixels), expected) < 0.001
        finally:
            is_over.set()
        for future in asking:
            future.result()
    assert len(differences) > 4
    assert max(differences) < 0.001


def test_a_network_that_cannot_be_captured_runs_as_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def look(_head: Any, _inputs: Any, output: Tensor) -> None:
        assert output.sum().item() is not None  # the host waits for the device

    network = make_network(get_architecture("resnet18"), size=64)
    network.model.register_forward_hook(look)
    engine = CudaGraphEngine(TorchEngine(network, CUDA, "fp32"), 4)
    assert engine.capture_error
    assert "ResNet runs without CUDA graphs" in caplog.text
    pixels = draw_pixels(3, 64)
    with torch.inference_mode():
        logits, features = make_network(get_architecture("resnet18"), size=64)(pixels)
    assert differ(engine.run(pixels), Scores(logits, features)) < 0.001
    assert build("fp32").run(pixels).logits.shape == (3, 3)  # others are captured nevertheless


@for_each_architecture({"densenet121", "mobilenet_v3_small", "vit_b_32", "swin_t"})
def test_every_architecture_can_be_captured(architecture: ArchitectureSpec) -> None:
    network = make_network(architecture, size=architecture.input_size)
    pixels = draw_pixels(3, architecture.input_size)
    with torch.inference_mode():
        logits, features = network(pixels)
    engine = CudaGraphEngine(TorchEngine(network, CUDA, "fp32"), 4)
    assert engine.capture_error is None
    assert differ(engine.run(pixels), Scores(logits, features)) < 0.01
