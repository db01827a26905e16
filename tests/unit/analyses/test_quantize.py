"""Quantize a version to int8 on a few real images."""

import hashlib
import math
from typing import Any

import onnx
import pytest
import torch
from onnx.numpy_helper import to_array
from torch import nn

from app.errors import CheckpointInvalid, EngineUnavailable, TooFewImages
from app.predictions.engines.engine import EngineName
from app.predictions.servable import Servable, load_servable
from app.quantization.schemas import QuantizationParameters, QuantizationResult
from app.storage import LocalStorage
from tests.damage import flip_last_bit, truncate
from tests.models import save_model
from tests.unit.analyses.conftest import CLASS_NAMES, NUM_TRAIN, NUM_VAL, Ask
from tests.uploads import draw_picture
from worker.analysis_config import AnalysisConfig
from worker.quantization.run import compare, quantize

KEY = "jobs/job_1/model.safetensors"
FILE = "quantized/inq_1/1.onnx"
CPU = torch.device("cpu")
INT8_ENGINES: tuple[EngineName, ...] = ("onnxruntime", "openvino")

pytestmark = pytest.mark.filterwarnings("ignore")  # the converter's own, about itself


@pytest.fixture(autouse=True)
def model(storage: LocalStorage) -> None:
    save_model(storage, KEY, seed=1, class_names=tuple(CLASS_NAMES))


def make(ask: Ask, **fields: Any) -> AnalysisConfig:
    config = ask()
    question = QuantizationParameters.model_validate(
        {
            "name": "colors",
            "version": 1,
            "digest": hashlib.sha256((config.storage_dir / KEY).read_bytes()).hexdigest(),
            "checkpoint_key": KEY,
            "class_names": CLASS_NAMES,
            "num_images": NUM_TRAIN,
        }
        | fields
    )
    return config.model_copy(update={"question": question, "file_key": FILE})


def answer(config: AnalysisConfig, **arguments: Any) -> QuantizationResult:
    assert isinstance(config.question, QuantizationParameters)
    return quantize(config, config.question, **arguments)


def load(
    storage: LocalStorage, engine: EngineName = "onnxruntime", digest: str | None = None
) -> Servable:
    return load_servable(
        storage.path(KEY),
        None,
        CPU,
        digest=digest,
        engine=engine,
        quantized_path=storage.path(FILE),
    )


def test_weights_are_int8_and_the_file_is_small(ask: Ask, storage: LocalStorage) -> None:
    found = answer(make(ask))
    graph = onnx.load(storage.path(FILE)).graph
    large = [one for one in graph.initializer if math.prod(one.dims) > 1000]
    assert {one.data_type for one in large} == {onnx.TensorProto.INT8}
    peaks = {tuple(one.dims[1:]): int(abs(to_array(one).astype(int)).max()) for one in large}
    assert peaks.pop((3, 7, 7)) == 64  # what reads the image: no pair of products needs 17 bits
    assert set(peaks.values()) == {127}
    assert found.num_bytes == storage.num_bytes(FILE) < storage.num_bytes(KEY) / 3


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_engines_run_the_int8_model_with_similar_results(
    ask: Ask, storage: LocalStorage, engine: EngineName
) -> None:
    answer(make(ask))
    float_one = load_servable(storage.path(KEY), None, CPU, precision="fp32")
    rounded = load(storage, engine)
    assert rounded.engine.precision == "int8"
    assert rounded.class_names == tuple(CLASS_NAMES)
    pictures = [draw_picture(CLASS_NAMES[number % 2], number) for number in range(4)]
    pixels = torch.stack([rounded.prepare(picture) for picture in pictures])
    expected, told = (one.engine.run(pixels).logits.softmax(1) for one in (float_one, rounded))
    assert 0 < float((told - expected).abs().max()) < 0.1
    together = rounded.engine.run(pixels).logits
    alone = torch.cat([rounded.engine.run(image[None]).logits for image in pixels])
    assert torch.allclose(together, alone, atol=0.05)


def test_a_changed_graph_is_rejected_but_a_loaded_one_keeps_working(
    ask: Ask, storage: LocalStorage
) -> None:
    digest = answer(make(ask)).digest
    used = [load(storage, engine, digest) for engine in INT8_ENGINES]
    pixels = used[0].prepare(draw_picture(CLASS_NAMES[0], 0))[None]
    before = [one.engine.run(pixels).logits.clone() for one in used]
    flip_last_bit(storage.path(FILE))
    with pytest.raises(CheckpointInvalid, match="sha256"):
        load(storage, "onnxruntime", digest)
    truncate(storage.path(FILE))
    for one, logits in zip(used, before, strict=True):
        assert torch.equal(one.engine.run(pixels).logits, logits)


def test_the_torch_engine_rejects_int8_and_names_the_others(
    ask: Ask, storage: LocalStorage
) -> None:
    answer(make(ask))
    with pytest.raises(EngineUnavailable, match="openvino"):
        load(storage, "torch")


def test_compare_counts_changed_predictions() -> None:
    pairs = torch.tensor([[[4.0, 0.0], [4.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
    figures = compare(pairs, torch.tensor([0, 1]))
    assert (figures.num_images, figures.num_changed) == (2, 1)
    assert (figures.float_accuracy, figures.int8_accuracy) == (0.5, 1.0)
    assert figures.max_probability_difference == pytest.approx(0.4621, abs=1e-4)


def test_compare_balances_the_accuracies_over_the_classes() -> None:
    predicted = torch.tensor([[0, 0], [0, 1], [0, 0], [0, 1]])
    figures = compare(nn.functional.one_hot(predicted, 2).float(), torch.tensor([0, 0, 0, 1]))
    assert (figures.float_accuracy, figures.int8_accuracy) == (0.75, 0.75)
    assert figures.float_balanced_accuracy == 0.5
    assert figures.int8_balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)


def test_progress_is_reported(ask: Ask) -> None:
    told: list[tuple[int, int]] = []
    answer(
        make(ask, num_images=NUM_TRAIN // 2),
        on_progress=lambda done, total: told.append((done, total)),
    )
    total = NUM_TRAIN // 2 + NUM_VAL
    assert told == [(done, total) for done in range(1, total + 1)]


def test_a_missing_version_is_named(ask: Ask, storage: LocalStorage) -> None:
    with storage.new_file("empty.jsonl"):
        pass
    with pytest.raises(CheckpointInvalid, match="colors:1"):
        answer(make(ask, checkpoint_key="jobs/gone.safetensors"))
    with pytest.raises(CheckpointInvalid, match="sha256"):
        answer(make(ask, digest="0" * 64))
    with pytest.raises(TooFewImages, match="train"):
        answer(make(ask).model_copy(update={"manifest_key": "empty.jsonl"}))
