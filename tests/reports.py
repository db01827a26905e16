"""Finish a job with a report, without training."""

from collections.abc import Sequence

import numpy as np

from app.datasets.label_errors import LabelError
from app.db.session import Database
from app.jobs.prediction_file import SplitPredictions
from app.jobs.report_schemas import (
    CalibrationFigures,
    CrossValidation,
    LabelCheck,
    Mistake,
    ReliabilityBin,
    Report,
)
from app.ml.trust.figures import ClassFigures, SplitFigures
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from worker.protocol import EpochRow, EpochsDone, Trained
from worker.training.work import TrainingWork

CURVE = [ReliabilityBin(lower=0.0, upper=1.0, num_images=4, confidence=0.9, accuracy=0.75)]

FIGURES = SplitFigures(
    num_images=4,
    accuracy=0.75,
    accuracy_interval=(0.3, 0.95),
    balanced_accuracy=0.75,
    macro_f1=0.73,
    per_class=[
        ClassFigures(class_name="ants", precision=1.0, recall=0.5, f1=2 / 3, support=2),
        ClassFigures(class_name="bees", precision=2 / 3, recall=1.0, f1=0.8, support=2),
    ],
    confusion_matrix=[[1, 1], [0, 2]],
)


def suspect(image_id: int) -> LabelError:
    return LabelError(
        image_id=image_id,
        path=f"ants/{image_id}.png",
        label="ants",
        suggested_label="bees",
        probability=0.9,
    )


def make_report(
    *, test: SplitFigures | None = None, suspects: list[LabelError] | None = None
) -> Report:
    """Return a small report; suspects are None if no label was checked."""
    return Report(
        **dict(FIGURES),
        class_names=["ants", "bees"],
        test=test,
        calibration=CalibrationFigures(
            temperature=1.2,
            reason=None,
            error_before=0.15,
            error_after=0.1,
            log_loss_before=0.5,
            log_loss_after=0.4,
            curve_before=CURVE,
            curve_after=CURVE,
        ),
        mistakes=[
            Mistake(image_id=2, path="ants/2.png", label="ants", predicted="bees", probability=0.9)
        ],
        cross_validation=CrossValidation(
            num_images=12,
            accuracy=0.9,
            accuracy_interval=(0.85, 0.95),
            warning="The validation accuracy is far lower.",
        ),
        label_check=LabelCheck(
            num_images=0 if suspects is None else 12,
            num_suspects=len(suspects or []),
            suspects=suspects,
            reason="not judged" if suspects is None else None,
        ),
    )


def make_predictions(
    targets: Sequence[int],
    predicted: Sequence[int],
    *,
    first_id: int = 1,
    probabilities: Sequence[float] = (),
    fingerprints: Sequence[int] = (),
) -> SplitPredictions:
    """Return predictions of images with ascending ids, between two classes."""
    num_images = len(targets)
    ids = range(first_id, first_id + num_images)
    chances = np.array(probabilities or [0.9] * num_images, np.float32)
    is_right = np.array(targets) == np.array(predicted)
    return SplitPredictions(
        image_ids=np.array(ids, np.int32),
        fingerprints=np.array(fingerprints or ids, np.uint64),
        targets=np.array(targets, np.int32),
        predicted=np.array(predicted, np.int32),
        probabilities=chances,
        target_probabilities=np.where(is_right, chances, 1 - chances).astype(np.float32),
        paths=[f"val/{one}.png" for one in ids],
    )


def finish_job(
    database: Database,
    storage: LocalStorage,
    settings: Settings,
    report: Report | None,
    *,
    predictions_key: str | None = None,
) -> str:
    """Let the next queued job train one epoch and succeed; returns its id."""
    kind = TrainingWork(settings, storage)
    with database.transaction() as session:
        lease = work.claim(session, "train", "me")
        assert lease is not None
        assert kind.begin(session, lease) is not None
    row = EpochRow(
        epoch=1,
        train_loss=0.5,
        train_accuracy=0.7,
        val_loss=0.5,
        val_accuracy=0.75,
        val_balanced_accuracy=0.7,
        learning_rate=0.1,
        seconds=1.0,
        images_per_second=4.0,
        is_best=True,
    )
    messages = (
        EpochsDone(rows=[row], state_key="state", best_key="best"),
        Trained(
            best_epoch=1,
            model_key="model",
            model_digest="ab",
            num_bytes=1,
            report=report,
            trust_key="trust",
            predictions_key=predictions_key,
        ),
    )
    for message in messages:
        with database.transaction() as session:
            kind.record(session, lease, message)
    with database.transaction() as session:
        work.finish(session, lease)
    return lease.subject_id
