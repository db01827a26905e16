"""The end of a training: the best epoch's model, stored with its report and calibration."""

from collections.abc import Iterable

from torch import nn

from app.jobs.prediction_file import EvalSplit, JobPredictions, SplitPredictions
from worker.protocol import Trained
from worker.training.artifacts import Artifacts
from worker.training.data import Batch, Sample
from worker.training.evaluation.evaluate import evaluate
from worker.training.evaluation.image_predictions import list_predictions
from worker.training.evaluation.scored import Scored
from worker.training.head import Solution
from worker.training.loop import predict_scores
from worker.training.setup import TrainingSetup
from worker.training.state import TrainerState
from worker.training.trust import measure_trust


def complete(
    setup: TrainingSetup, artifacts: Artifacts, state: TrainerState, solution: Solution | None
) -> Trained:
    """Store the best epoch's model with its report, predictions and calibration; only on rank 0.

    solution is the head that was solved for, whose out-of-fold scores find label errors.
    """
    key, stored = artifacts.complete(state)
    splits = setup.splits
    val_batches = setup.whole_feed.val_batches()
    val = _score(setup, setup.learner.model, splits.val, val_batches)
    test = None
    if splits.test:
        test_batches = setup.images.eval_batches(splits.test)
        test = _score(setup, setup.model, splits.test, test_batches)
    report = evaluate(
        setup.context.config.class_names,
        val,
        test=test,
        out_of_fold=collect_out_of_fold(setup, solution) if solution else None,
    )
    return Trained(
        best_epoch=state.best.epoch,
        model_key=key,
        model_digest=stored.digest,
        num_bytes=stored.num_bytes,
        report=report,
        trust_key=artifacts.save_trust(measure_trust(setup, val)),
        predictions_key=artifacts.save_predictions(list_all_predictions(setup, val, test)),
    )


def list_all_predictions(setup: TrainingSetup, val: Scored, test: Scored | None) -> JobPredictions:
    """Return the predictions of each validation and test image, with the served probabilities."""
    config, temperature = setup.context.config, val.calibrated.temperature.value
    scored: dict[EvalSplit, Scored] = {"val": val}
    if test is not None:
        scored["test"] = test
    splits: dict[EvalSplit, SplitPredictions] = {
        split: list_predictions(
            one, temperature=temperature, fingerprints=setup.splits.fingerprints
        )
        for split, one in scored.items()
    }
    return JobPredictions(config.class_names, config.dataset_digest, splits)


def collect_out_of_fold(setup: TrainingSetup, solution: Solution) -> Scored | None:
    """Return the training images with scores by heads that were not fitted to them."""
    if solution.held_out is None or solution.out_of_fold is None:
        return None
    held_out = solution.held_out.tolist()
    samples = [s for s, is_held in zip(setup.splits.train, held_out, strict=True) if is_held]
    logits = solution.out_of_fold[solution.held_out].cpu()
    return Scored.of(samples, logits, setup.splits.paths)


def _score(
    setup: TrainingSetup, model: nn.Module, samples: list[Sample], batches: Iterable[Batch]
) -> Scored:
    learner = setup.learner
    logits = predict_scores(model, batches, precision=learner.precision, device=learner.device)
    return Scored.of(samples, logits, setup.splits.paths)
