"""Evaluate a registered version on the images of a dataset, with the same engine as serving."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from app.datasets.manifest import read_manifest
from app.errors import TooFewImages
from app.evaluations.schemas import (
    EvaluationFigures,
    EvaluationParameters,
    EvaluationResult,
)
from app.ml.runtime.device import choose_device
from app.ml.trust import calibration
from app.predictions.engines.choice import choose_engine
from app.predictions.servable import Servable, load_servable, name_version_in_errors
from app.storage import LocalStorage
from worker.analysis_config import AnalysisConfig
from worker.training.data import Loader, Sample, select_samples
from worker.training.evaluation.figures import measure_split
from worker.training.evaluation.scored import Scored

_BATCH_SIZE = 4


def evaluate(
    config: AnalysisConfig,
    question: EvaluationParameters,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> EvaluationResult:
    """Predict every image of the split, prepared as in serving, and compute the figures.

    Several threads run batches with one intra-op thread each, so that the result does not depend on
    the number of threads. Raises CheckpointInvalid where a file of the version is missing or
    damaged, TooFewImages for a split without images, Diverged for scores that are not finite, and
    EngineUnavailable for an engine that is not installed.
    """
    storage = LocalStorage(config.storage_dir)
    records = [
        record
        for record in read_manifest(storage.path(config.manifest_key))
        if record.split == question.split
    ]
    samples = select_samples(records, question.split, question.class_names, storage.path)
    if not samples:
        raise TooFewImages(
            f"The dataset's {question.split} split has no images; choose a split that has some."
        )
    servable = _load(config, question, storage)
    logits = _score(servable, samples, config.num_threads, on_progress)
    paths = {record.image_id: record.path for record in records}
    scored = Scored.of(samples, logits / servable.temperature, paths)
    curve = calibration.reliability_curve(scored.logits, scored.targets)
    return EvaluationResult(
        figures=EvaluationFigures(
            **dict(measure_split(question.class_names, scored)),
            calibration_error=calibration.expected_calibration_error(curve),
            log_loss=calibration.log_loss(scored.logits, scored.targets),
        ),
        targets=scored.targets.tolist(),
        predicted=scored.predicted.tolist(),
    )


def _load(
    config: AnalysisConfig, question: EvaluationParameters, storage: LocalStorage
) -> Servable:
    device = choose_device(config.device)
    with name_version_in_errors("the version"):
        return load_servable(
            storage.path(question.checkpoint_key),
            storage.path(question.trust_key) if question.trust_key else None,
            device,
            digest=question.digest,
            checkpoint_digest=config.checkpoint_digest,
            engine=choose_engine(question.runtime.engine, device),
            precision=question.runtime.precision,
            num_callers=config.num_threads,
            quantized_path=storage.path(question.quantized_key) if question.quantized_key else None,
        )


def _score(
    servable: Servable,
    samples: Sequence[Sample],
    num_threads: int,
    on_progress: Callable[[int, int], None],
) -> Tensor:
    """Compute logits, float32 [num_images, num_classes], in the order of the samples."""

    def run(batch: Sequence[Sample]) -> Tensor:
        return servable.engine.run(
            torch.stack([servable.prepare(sample.path.read_bytes()) for sample in batch])
        ).logits

    starts = range(0, len(samples), _BATCH_SIZE)
    batches = [samples[start : start + _BATCH_SIZE] for start in starts]
    loader = Loader(num_threads)
    scores: list[Tensor] = []
    try:
        for done, logits in enumerate(loader.map(run, batches), start=1):
            scores.append(logits)
            on_progress(min(done * _BATCH_SIZE, len(samples)), len(samples))
    finally:
        loader.close()
    return torch.cat(scores)
