"""Evaluate a version on a few real images."""

import hashlib
from typing import Any

import pytest
import torch

from app.errors import CheckpointInvalid, TooFewImages
from app.evaluations.schemas import EvaluationParameters, EvaluationResult
from app.ml.trust.trust_file import Trust, save_trust
from app.predictions.servable import load_servable
from app.storage import LocalStorage
from tests.models import save_model
from tests.unit.analyses.conftest import CLASS_NAMES, NUM_TRAIN, NUM_VAL, Ask
from tests.uploads import draw_picture
from worker.analysis_config import AnalysisConfig
from worker.evaluation.run import evaluate

KEY = "jobs/job_1/model.safetensors"
TRUST_KEY = "jobs/job_1/trust.safetensors"
TEMPERATURE = 4.0


@pytest.fixture(autouse=True)
def model(storage: LocalStorage) -> None:
    """Store a model whose outputs are in another order than the dataset's classes."""
    save_model(storage, KEY, seed=1, class_names=tuple(reversed(CLASS_NAMES)))
    trust = Trust(TEMPERATURE, torch.ones(1), torch.ones(1, 512), torch.ones(1))
    save_trust(storage, TRUST_KEY, trust)


def make(ask: Ask, *, num_threads: int = 2, **fields: Any) -> AnalysisConfig:
    config = ask()
    question = EvaluationParameters.model_validate(
        {
            "checkpoint_key": KEY,
            "trust_key": None,
            "digest": hashlib.sha256((config.storage_dir / KEY).read_bytes()).hexdigest(),
            "class_names": list(reversed(CLASS_NAMES)),
            "split": "train",
            "runtime": ("torch", "fp32"),
        }
        | fields
    )
    return config.model_copy(update={"question": question, "num_threads": num_threads})


def answer(config: AnalysisConfig) -> EvaluationResult:
    assert isinstance(config.question, EvaluationParameters)
    return evaluate(config, config.question)


def test_the_figures_are_those_of_served_predictions(ask: Ask, storage: LocalStorage) -> None:
    found = answer(make(ask))
    servable = load_servable(storage.path(KEY), None, torch.device("cpu"), precision="fp32")
    pictures = [draw_picture(CLASS_NAMES[number % 2], number) for number in range(NUM_TRAIN)]
    pixels = torch.stack([servable.prepare(picture) for picture in pictures])
    logits = servable.engine.run(pixels).logits
    targets = torch.tensor([1, 0] * (NUM_TRAIN // 2))
    assert found.targets == targets.tolist()
    assert found.predicted == logits.argmax(1).tolist()
    figures = found.figures
    assert figures.num_images == NUM_TRAIN
    assert figures.accuracy == float((logits.argmax(1) == targets).float().mean())
    assert [one.class_name for one in figures.per_class] == ["blue", "amber"]
    loss = torch.nn.functional.cross_entropy(logits, targets)
    assert figures.log_loss == pytest.approx(float(loss), abs=1e-5)


def test_probabilities_are_calibrated_as_in_serving(ask: Ask) -> None:
    raw, calibrated = answer(make(ask)), answer(make(ask, trust_key=TRUST_KEY))
    assert raw.predicted == calibrated.predicted
    assert raw.figures.log_loss != pytest.approx(calibrated.figures.log_loss, abs=1e-3)


def test_the_result_does_not_depend_on_the_number_of_threads(ask: Ask) -> None:
    assert answer(make(ask, num_threads=1)) == answer(make(ask, num_threads=3))


def test_progress_is_reported(ask: Ask) -> None:
    config = make(ask)
    assert isinstance(config.question, EvaluationParameters)
    heard: list[tuple[int, int]] = []
    evaluate(config, config.question, lambda done, total: heard.append((done, total)))
    assert heard == [(4, 12), (8, 12), (12, 12)]


def test_only_the_images_of_the_split_are_evaluated(ask: Ask) -> None:
    assert answer(make(ask, split="val")).figures.num_images == NUM_VAL
    with pytest.raises(TooFewImages):
        answer(make(ask, split="test"))


@pytest.mark.parametrize("lost", ["checkpoint_key", "trust_key"])
def test_a_missing_file_is_named(ask: Ask, lost: str) -> None:
    fields: dict[str, Any] = {lost: "jobs/job_1/gone.safetensors"}
    with pytest.raises(CheckpointInvalid, match="not in the storage"):
        answer(make(ask, **fields))


def test_an_altered_version_is_not_evaluated(ask: Ask) -> None:
    with pytest.raises(CheckpointInvalid, match="sha256"):
        answer(make(ask, digest="0" * 64))


def test_the_checkpoint_of_an_int8_version_is_checked(ask: Ask, storage: LocalStorage) -> None:
    """Its class names and its preprocessing are read from the checkpoint it was made from."""
    with storage.new_file("quantized/1.onnx") as file:
        file.write(b"a graph")
    config = make(
        ask,
        quantized_key="quantized/1.onnx",
        digest=hashlib.sha256(b"a graph").hexdigest(),
        runtime=("onnxruntime", "auto"),
    )
    with pytest.raises(CheckpointInvalid, match="sha256"):
        answer(config.model_copy(update={"checkpoint_digest": "0" * 64}))
