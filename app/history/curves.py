"""Prepare a job's history for a chart."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.tables import Job
from app.history.schemas import EpochRow
from app.history.views import view_history
from app.jobs.best import find_head_start
from app.jobs.repository import JobRepository
from app.jobs.schemas import Best
from app.ml.recipe import Lbfgs


@dataclass(frozen=True)
class Curve:
    """The rows of one job's history.

    With `lbfgs`, l2_strengths are those of the rows, in order; else it is empty and the rows are
    epochs. start is the model before the first epoch, if the training began with a solved head.
    """

    label: str
    rows: Sequence[EpochRow]
    l2_strengths: Sequence[float] = ()
    start: Best | None = None

    @property
    def best_row(self) -> EpochRow | None:
        return next((row for row in self.rows if row.is_best), None)

    @property
    def chosen_strength(self) -> float | None:
        """The L2 strength of the best row."""
        best = self.best_row
        return self.l2_strengths[best.epoch - 1] if best and self.l2_strengths else None


def make_curve(session: Session, job: Job) -> Curve:
    """Return a job's history as a curve, labelled with architecture, strategy and weights."""
    config = JobRepository(session).get_decided_config(job.id)
    optimizer = config.optimizer
    return Curve(
        label=f"{config.architecture}, {config.strategy} ({config.weights})",
        rows=view_history(session, job).data,
        l2_strengths=optimizer.l2_strengths if isinstance(optimizer, Lbfgs) else (),
        start=find_head_start(job),
    )
