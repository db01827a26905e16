"""Compare two jobs or two versions by their stored predictions of the same images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.datasets.thumbnail_names import thumbnail_url
from app.db.tables import Dataset, Job, ModelVersion
from app.errors import NotComparable, NotFound, PredictionsNotReady
from app.image_predictions.service import get_split, read_predictions
from app.jobs.prediction_file import EvalSplit, SplitPredictions
from app.jobs.repository import JobRepository
from app.ml.trust.intervals import paired_difference_interval
from app.models.references import ModelReference
from app.models.repository import ModelRepository
from app.models.service import resolve, resolve_reference
from app.paired_tests.schemas import Disagreement, Outcome, PairedTest
from app.promotions.gate import mcnemar_exact
from app.storage import Storage


@dataclass(frozen=True)
class PairedPredictions:
    """Two jobs' predictions of the same images.

    other_rows[i] is the row in `other` of the image in row i of `this`.
    """

    job: Job
    class_names: list[str]
    this: SplitPredictions
    other: SplitPredictions
    other_rows: NDArray[np.intp]


def pair_jobs(
    session: Session, storage: Storage, job_id: str, other_id: str, split: EvalSplit
) -> PairedPredictions:
    """Pair the predictions of two jobs.

    Raises NotFound, PredictionsNotReady, CheckpointInvalid, ValidationFailed for a split that the
    dataset lacks, NotComparable where the images or their labels differ.
    """
    jobs = JobRepository(session)
    job, other_job = jobs.get(job_id), jobs.get(other_id)
    this = read_predictions(session, storage, job)
    other = read_predictions(session, storage, other_job)
    if this.dataset_digest != other.dataset_digest or this.class_names != other.class_names:
        raise NotComparable(
            f"{job_id} and {other_id} were evaluated on different images: the digests of their "
            f"datasets are {_shorten(this.dataset_digest)} and {_shorten(other.dataset_digest)}. "
            "Compare jobs on the same images, split and labelled in the same way."
        )
    mine, theirs = get_split(this, split), get_split(other, split)
    order, other_order = _sort(mine), _sort(theirs)
    rows = np.empty_like(order)
    rows[order] = other_order
    return PairedPredictions(job, this.class_names, mine, theirs, rows)


def pair_versions(
    session: Session, storage: Storage, this: ModelReference, other: str, split: EvalSplit
) -> PairedPredictions:
    """Pair the predictions of the jobs that trained two versions; `other` is a model reference.

    Raises what `pair_jobs` and `resolve_reference` do, and PredictionsNotReady for an int8 version
    and for one whose job was deleted.
    """
    version = resolve(ModelRepository(session), this)
    other_version = resolve_reference(session, other, loc=("query", "with"))
    job_id, other_id = _find_job_id(session, version), _find_job_id(session, other_version)
    return pair_jobs(session, storage, job_id, other_id, split)


def measure(pairs: PairedPredictions) -> PairedTest:
    """Count on which images each of the two is right, and test the difference."""
    this = pairs.this.is_right
    other = pairs.other.is_right[pairs.other_rows]
    num_images = len(this)
    both, neither = int((this & other).sum()), int((~this & ~other).sum())
    only_this, only_other = int((this & ~other).sum()), int((~this & other).sum())
    return PairedTest(
        num_images=num_images,
        both_right=both,
        only_this_right=only_this,
        only_other_right=only_other,
        both_wrong=neither,
        accuracy=(both + only_this) / num_images,
        other_accuracy=(both + only_other) / num_images,
        difference=(only_this - only_other) / num_images,
        difference_interval=paired_difference_interval(both, only_this, only_other, neither),
        p_value=mcnemar_exact(only_this, only_other),
    )


def list_disagreements(
    session: Session, pairs: PairedPredictions, *, outcome: Outcome | None, limit: int, after: int
) -> tuple[list[Disagreement], bool]:
    """Return a page of the images that are predicted as different classes, by image id."""
    this, other = pairs.this, pairs.other
    differs = this.predicted != other.predicted[pairs.other_rows]
    rows = np.flatnonzero(differs & (this.image_ids > after)).tolist()
    chosen = [row for row in rows if outcome is None or _get_outcome(pairs, row) == outcome]
    has_dataset = session.get(Dataset, pairs.job.dataset_id) is not None
    return [_view(pairs, row, has_dataset) for row in chosen[:limit]], len(chosen) > limit


def _view(pairs: PairedPredictions, row: int, has_dataset: bool) -> Disagreement:
    this, other, names = pairs.this, pairs.other, pairs.class_names
    other_row, image_id = pairs.other_rows[row], int(this.image_ids[row])
    return Disagreement(
        image_id=image_id,
        path=this.paths[row],
        label=names[this.targets[row]],
        outcome=_get_outcome(pairs, row),
        predicted=names[this.predicted[row]],
        probability=float(this.probabilities[row]),
        other_predicted=names[other.predicted[other_row]],
        other_probability=float(other.probabilities[other_row]),
        thumbnail_url=thumbnail_url(pairs.job.dataset_id, image_id) if has_dataset else None,
    )


def _get_outcome(pairs: PairedPredictions, row: int) -> Outcome:
    target = pairs.this.targets[row]
    if pairs.this.predicted[row] == target:
        return "only_this_right"
    is_other_right = pairs.other.predicted[pairs.other_rows[row]] == target
    return "only_other_right" if is_other_right else "both_wrong"


def _sort(columns: SplitPredictions) -> NDArray[np.intp]:
    """Sort images by their bytes and label, because equal datasets may number them differently."""
    return np.lexsort((columns.targets, columns.fingerprints))


def _find_job_id(session: Session, version: ModelVersion) -> str:
    name = f"{version.name}:{version.version}"
    if version.quantized_key is not None:
        raise PredictionsNotReady(
            f"{name} is in int8, and predictions of single images are only stored for versions "
            f"that a job trained. Use {version.name}:{version.quantized_from}, or the gate."
        )
    try:
        return JobRepository(session).get(version.job_id).id
    except NotFound as error:
        raise PredictionsNotReady(
            f"The job that trained {name} was deleted, and its predictions with it."
        ) from error


def _shorten(digest: str) -> str:
    return f"{digest[:12]}…"
