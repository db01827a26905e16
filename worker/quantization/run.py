"""Quantize a registered version to int8, and compare the two on validation images."""

import hashlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from app.datasets.manifest import Split, read_manifest
from app.errors import TooFewImages
from app.ml.models import checkpoint
from app.ml.models.catalogue import get_architecture
from app.ml.runtime.quantization import quantize as quantize_network
from app.ml.runtime.scoring import ScoringNetwork
from app.predictions.servable import name_version_in_errors
from app.quantization.schemas import (
    QuantizationFigures,
    QuantizationParameters,
    QuantizationResult,
)
from app.storage import LocalStorage
from worker.analysis_config import AnalysisConfig
from worker.training.cache import decode, eval_form
from worker.training.data import Sample, select_samples
from worker.training.evaluation.figures import measure_balanced_accuracy


def quantize(
    config: AnalysisConfig,
    question: QuantizationParameters,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> QuantizationResult:
    """Write the int8 version under config.file_key, and compare it with the float32 version.

    Raises CheckpointInvalid where the version's file is missing or damaged, TooFewImages for a
    dataset without training or validation images, EngineUnavailable where ONNX Runtime is not
    installed.
    """
    storage = LocalStorage(config.storage_dir)
    train, val = (_select(config, question, storage, split) for split in ("train", "val"))
    every = -(-len(train) // question.num_images)
    calibration = train[::every]
    total = len(calibration) + len(val)
    with name_version_in_errors(f"{question.name}:{question.version}"):
        model, header = checkpoint.restore_model(
            checkpoint.load(storage.path(question.checkpoint_key), digest=question.digest)
        )
    torch.set_num_threads(config.num_threads)
    network = ScoringNetwork(model, get_architecture(header.architecture), header.preprocessing)

    form = eval_form(header.preprocessing)

    def read(samples: Sequence[Sample], before: int) -> Iterator[Tensor]:
        for done, sample in enumerate(samples, start=before + 1):
            yield decode(sample, form)
            on_progress(done, total)

    content = quantize_network(network, read(calibration, 0))
    with storage.new_file(config.file_key) as file:
        file.write(content)
    from app.predictions.engines.onnxruntime_engine import (  # noqa: PLC0415 - an extra, which quantization has imported already
        OnnxRuntimeEngine,
    )

    engine = OnnxRuntimeEngine(content)
    pairs = []
    for image in read(val, len(calibration)):
        with torch.inference_mode():
            logits, _ = network(image[None])
        pairs.append(torch.cat([logits, engine.run(image[None]).logits]))
    figures = compare(torch.stack(pairs), torch.tensor([sample.target for sample in val]))
    return QuantizationResult(
        digest=hashlib.sha256(content).hexdigest(), num_bytes=len(content), figures=figures
    )


def compare(logits: Tensor, targets: Tensor) -> QuantizationFigures:
    """Compare predictions; logits [num_images, 2, num_classes] are float32's, then int8's."""
    predicted = logits.argmax(2)
    right = (predicted == targets[:, None]).double().mean(0)
    balanced = [measure_balanced_accuracy(targets, one, logits.shape[2]) for one in predicted.T]
    probabilities = logits.softmax(2)
    return QuantizationFigures(
        num_images=len(targets),
        float_accuracy=float(right[0]),
        int8_accuracy=float(right[1]),
        float_balanced_accuracy=balanced[0],
        int8_balanced_accuracy=balanced[1],
        num_changed=int((predicted[:, 0] != predicted[:, 1]).sum()),
        max_probability_difference=float((probabilities[:, 0] - probabilities[:, 1]).abs().max()),
    )


def _select(
    config: AnalysisConfig, question: QuantizationParameters, storage: LocalStorage, split: Split
) -> list[Sample]:
    records = read_manifest(storage.path(config.manifest_key))
    samples = select_samples(records, split, question.class_names, storage.path)
    if not samples:
        raise TooFewImages(f"The dataset's {split} split has no images.")
    return samples
