"""SQL queries for studies, their trials and their runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, distinct, func, or_, select
from sqlalchemy.orm import Session

from app.db.search import matches
from app.db.study_tables import Study, StudyTrial
from app.db.tables import Epoch, Job, JobEvent
from app.errors import NotFound
from app.jobs.states import UNFINISHED

ASKING, ENDED = "asking", "ended"
"""Values of `search_status` of a study with an adaptive search."""


class Spread(NamedTuple):
    """The mean, lowest and highest value of a metric over several runs."""

    mean: float
    low: float
    high: float


class TrialCounts(NamedTuple):
    """The trials of a study: those that can run, those that cannot, those with unfinished runs."""

    num_valid: int
    num_invalid: int
    num_open: int


class MeanEpoch(NamedTuple):
    """An epoch over the runs of a trial; with `lbfgs` it is an L2 strength, and is_solved."""

    trial: int
    epoch: int
    num_runs: int
    is_solved: bool
    val_accuracy: Spread
    val_loss: Spread


class StudyRepository:
    """Studies with their trials (configurations) and runs (jobs)."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get(self, study_id: str, *, lock: bool = False) -> Study:
        """Return the study; raises NotFound.

        Lock it before its jobs: the search that asks for more trials uses this order.
        """
        study = self.session.get(
            Study, study_id, with_for_update=lock or None, populate_existing=lock
        )
        if study is None:
            raise NotFound(f"There is no study '{study_id}'.")
        return study

    def list_page(self, *, limit: int, after: str | None, text: str | None) -> Sequence[Study]:
        """Return the newest first, and one more than `limit` if there is another page.

        text is searched for in names and at the start of ids.
        """
        query = select(Study).order_by(Study.id.desc()).limit(limit + 1)
        if after:
            query = query.where(Study.id < after)
        if text:
            found = select(Study.id).where(matches(text, Study.name, Study.id))
            query = query.where(Study.id.in_(found))
        return self.session.scalars(query).all()

    def list_trials(self, study_id: str) -> Sequence[StudyTrial]:
        return self.session.scalars(
            select(StudyTrial).where(StudyTrial.study_id == study_id).order_by(StudyTrial.trial)
        ).all()

    def list_asking(self) -> Sequence[Study]:
        """Return the studies whose search will ask for more trials, the oldest first."""
        return self.session.scalars(
            select(Study).where(Study.search_status == ASKING).order_by(Study.id)
        ).all()

    def count_trials(self, study_id: str) -> TrialCounts:
        """Count the trials of a study."""
        total, num_invalid = self.session.execute(
            select(func.count(StudyTrial.trial), func.count(StudyTrial.problem)).where(
                StudyTrial.study_id == study_id
            )
        ).one()
        num_open = self.session.scalar(
            select(func.count(distinct(Job.trial))).where(
                Job.study_id == study_id, Job.status.in_(UNFINISHED)
            )
        )
        return TrialCounts(total - num_invalid, num_invalid, num_open or 0)

    def list_jobs(self, study_id: str, *, lock: bool = False) -> Sequence[Job]:
        """Return the runs in the order in which they were queued."""
        query = select(Job).where(Job.study_id == study_id).order_by(Job.id)
        return self.session.scalars(query.with_for_update() if lock else query).all()

    def count_jobs(self, study_id: str) -> Sequence[tuple[str, int, datetime | None]]:
        """Return (status, number of runs, time at which the last of them ended)."""
        query = select(Job.status, func.count(), func.max(Job.finished_at))
        rows = self.session.execute(query.where(Job.study_id == study_id).group_by(Job.status))
        return [(status, num_jobs, last_end) for status, num_jobs, last_end in rows]

    def list_unfinished_ids(self, study_id: str) -> Sequence[str]:
        """Return the ids of unfinished runs; to change a run, lock it and read it again."""
        return self.session.scalars(
            select(Job.id)
            .where(Job.study_id == study_id, Job.status.in_(UNFINISHED))
            .order_by(Job.id)
        ).all()

    def list_pruned_ids(self, study_id: str) -> frozenset[str]:
        """Return the ids of the runs that successive halving has stopped."""
        query = select(JobEvent.job_id).join(Job, Job.id == JobEvent.job_id)
        return frozenset(
            self.session.scalars(query.where(Job.study_id == study_id, JobEvent.type == "pruned"))
        )

    def list_best_and_last_epochs(self, study_id: str) -> Sequence[Epoch]:
        """Return the best and the last epoch of every run."""
        return self._list_epochs(
            Job.study_id == study_id,
            or_(Epoch.epoch == Job.best_epoch, Epoch.epoch == Job.resume_epoch),
        )

    def list_epochs_of(self, study_id: str, trials: Sequence[int]) -> Sequence[Epoch]:
        """Return the epochs of all runs of some trials, in order."""
        return self._list_epochs(Job.study_id == study_id, Job.trial.in_(trials))

    def list_mean_epochs(self, study_id: str, trials: Sequence[int]) -> list[MeanEpoch]:
        """Return the epochs of some trials over their runs, by trial and epoch."""
        numbers = (func.avg, func.min, func.max)
        query = (
            select(
                Job.trial,
                Epoch.epoch,
                func.count(),
                func.count(Epoch.learning_rate),
                *(number(Epoch.val_accuracy) for number in numbers),
                *(number(Epoch.val_loss) for number in numbers),
            )
            .join(Job, Job.id == Epoch.job_id)
            .where(Job.study_id == study_id, Job.trial.in_(trials))
            .group_by(Job.trial, Epoch.epoch)
            .order_by(Job.trial, Epoch.epoch)
        )
        return [
            MeanEpoch(row[0], row[1], row[2], row[3] < row[2], Spread(*row[4:7]), Spread(*row[7:]))
            for row in self.session.execute(query)
        ]

    def get_trial(self, study_id: str, trial: int) -> StudyTrial:
        return self.session.get_one(StudyTrial, (study_id, trial))

    def list_other_accuracies(
        self, study_id: str, job_id: str, epoch: int, *, bracket: int | None = None
    ) -> Sequence[float]:
        """Return the validation accuracies of a study's other runs after an epoch.

        With a bracket, only of the runs in it.
        """
        query = (
            select(Epoch.val_accuracy)
            .join(Job, Job.id == Epoch.job_id)
            .where(Job.study_id == study_id, Job.id != job_id, Epoch.epoch == epoch)
            .order_by(Job.id)
        )
        if bracket is not None:
            trials = select(StudyTrial.trial).where(
                StudyTrial.study_id == study_id, StudyTrial.bracket == bracket
            )
            query = query.where(Job.trial.in_(trials))
        return self.session.scalars(query).all()

    def delete_with_jobs(self, study: Study) -> None:
        self.session.execute(delete(Job).where(Job.study_id == study.id))
        self.session.delete(study)

    def _list_epochs(self, *conditions: ColumnElement[bool]) -> Sequence[Epoch]:
        return self.session.scalars(
            select(Epoch)
            .join(Job, Job.id == Epoch.job_id)
            .where(*conditions)
            .order_by(Epoch.job_id, Epoch.epoch)
        ).all()
