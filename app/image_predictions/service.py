"""List a job's stored predictions of single images."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.datasets.thumbnail_names import thumbnail_url
from app.db.tables import Dataset, Job
from app.errors import InputProblem, PredictionsNotReady, ValidationFailed
from app.image_predictions.schemas import ImagePrediction, Order
from app.jobs.prediction_file import (
    EvalSplit,
    JobPredictions,
    SplitPredictions,
    load_predictions,
)
from app.jobs.repository import JobRepository
from app.storage import Storage


@dataclass(frozen=True)
class Selection:
    """Which predictions to list; None does not filter."""

    label: str | None = None
    predicted: str | None = None
    is_correct: bool | None = None
    sort: Order = "image"


def read_predictions(session: Session, storage: Storage, job: Job) -> JobPredictions:
    """Return the predictions that a job stored.

    Raises PredictionsNotReady for a job without them, CheckpointInvalid for a missing or damaged
    file.
    """
    key = JobRepository(session).find_predictions_key(job.id)
    if key is None:
        raise PredictionsNotReady(
            f"{job.id} is {job.status}; only a succeeded job has predictions of its images."
            if job.status != "succeeded"
            else f"{job.id} has no predictions of single images, because it ended before this "
            "service stored them. Run it again with `clone_of`."
        )
    return load_predictions(storage, key)


def get_split(predictions: JobPredictions, split: EvalSplit) -> SplitPredictions:
    """Return the predictions of one split; raises ValidationFailed if the dataset lacks it."""
    columns = predictions.splits.get(split)
    if columns is None:
        raise ValidationFailed(
            InputProblem(
                ("query", "split"),
                f"`split` is {split}, but the dataset has no {split} split.",
                tuple(predictions.splits),
            )
        )
    return columns


def list_predictions(
    predictions: JobPredictions,
    split: EvalSplit,
    selection: Selection,
    *,
    limit: int,
    after: int | None,
) -> tuple[NDArray[np.intp], bool]:
    """Return a page of a split's rows, and whether there are more.

    after is the image id at the end of the previous page. Raises ValidationFailed for a split,
    a class or an `after` that the job does not have.
    """
    columns = get_split(predictions, split)
    is_selected = np.ones(len(columns), dtype=bool)
    if selection.label is not None:
        position = _find_class(predictions.class_names, "label", selection.label)
        is_selected &= columns.targets == position
    if selection.predicted is not None:
        position = _find_class(predictions.class_names, "predicted", selection.predicted)
        is_selected &= columns.predicted == position
    if selection.is_correct is not None:
        is_selected &= columns.is_right == selection.is_correct
    order = np.arange(len(columns))
    if selection.sort == "probability":
        order = np.argsort(-columns.probabilities, kind="stable")
    if after is not None:
        order = order[_find_position(columns, order, after) + 1 :]
    rows = order[is_selected[order]]
    return rows[:limit], len(rows) > limit


def view_rows(
    session: Session, job: Job, predictions: JobPredictions, split: EvalSplit, rows: Iterable[int]
) -> list[ImagePrediction]:
    """Return these rows of a split as they are sent."""
    columns, names = get_split(predictions, split), predictions.class_names
    has_dataset = session.get(Dataset, job.dataset_id) is not None
    return [
        ImagePrediction(
            image_id=image_id,
            path=columns.paths[row],
            label=names[columns.targets[row]],
            predicted=names[columns.predicted[row]],
            probability=float(columns.probabilities[row]),
            probability_of_label=float(columns.target_probabilities[row]),
            thumbnail_url=thumbnail_url(job.dataset_id, image_id) if has_dataset else None,
        )
        for row in rows
        for image_id in [int(columns.image_ids[row])]
    ]


def find_row(columns: SplitPredictions, image_id: int) -> int:
    """Return the row of an image; raises ValidationFailed if the split has no such image."""
    row = int(np.searchsorted(columns.image_ids, image_id))
    if row == len(columns) or columns.image_ids[row] != image_id:
        raise ValidationFailed(
            InputProblem(
                ("query", "after"),
                f"`after` is {image_id}, which is no image of this split; use the `last_id` of the "
                "previous page.",
            )
        )
    return row


def _find_position(columns: SplitPredictions, order: NDArray[np.intp], image_id: int) -> int:
    return int(np.flatnonzero(order == find_row(columns, image_id))[0])


def _find_class(class_names: list[str], parameter: str, name: str) -> int:
    if name not in class_names:
        raise ValidationFailed(
            InputProblem(
                ("query", parameter),
                f"`{parameter}` is '{name}', which is no class of this job.",
                tuple(class_names),
            )
        )
    return class_names.index(name)
