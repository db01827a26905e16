"""Ask for the trials of an adaptive search, one after the other, with the results so far.

Only the rows of SQL say which trial is next. A transaction locks the study, counts its open trials,
asks for a trial and queues its jobs. So no two workers ask for the same trial, and none is lost
when a worker is killed: the next one that looks asks for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.study_tables import Study, StudyTrial
from app.errors import GraftError, QuotaExceeded, ValidationFailed
from app.jobs.service import create_job
from app.settings import Settings
from app.studies.brackets import choose_bracket, list_bracket_sizes
from app.studies.expansion import describe_drawn, make_drawn_trial
from app.studies.observations import list_observations
from app.studies.proposals import Outcome, Proposal, propose
from app.studies.pruning import require_prunable
from app.studies.repository import ASKING, ENDED, StudyRepository
from app.studies.request_schemas import Changes, Search, StudyRequest, find_max_epochs
from app.studies.space import Assignment, assign, count_points

MAX_INVALID_IN_A_ROW = 20


def begin_search(session: Session, study: Study, request: StudyRequest, settings: Settings) -> None:
    """Ask for the first trials of a new study.

    Raises the errors of create_job for the first of them, and ValidationFailed if so many
    configurations in a row are invalid that the search ends without a single run.
    """
    study.search_status = ASKING
    _Asking(session, study, request, _find_search(request), settings).ask(must_have_one=True)


def continue_search(session: Session, study_id: str, settings: Settings) -> None:
    """Ask for trials until as many are open as may be, or the search ends."""
    study = StudyRepository(session).get(study_id, lock=True)
    if study.search_status == ASKING:
        request = StudyRequest.model_validate({"dataset_id": study.dataset_id, **study.config})
        _Asking(session, study, request, _find_search(request), settings).ask()


def end_search(study: Study, note: str | None = None) -> None:
    """Ask for no more trials; note says why the search ends early."""
    study.search_status = ENDED
    study.search_note = note


def needs_trial(session: Session, study: Study) -> bool:
    """Return whether the search of a study may ask for a trial; it is not locked."""
    search = Search.model_validate(study.config["search"])
    return StudyRepository(session).count_trials(study.id).num_open < (search.num_parallel or 1)


def _find_search(request: StudyRequest) -> Search:
    """Return the search with the fields of its space in order: PostgreSQL's JSON has another."""
    search = request.search
    assert search is not None  # noqa: S101 - only a study with a search asks
    return search.model_copy(update={"space": dict(sorted(search.space.items()))})


@dataclass(frozen=True)
class _Asking:
    """One study that this transaction has locked, and what its trials have in common."""

    session: Session
    study: Study
    request: StudyRequest
    search: Search
    settings: Settings

    def ask(self, *, must_have_one: bool = False) -> None:
        """Ask until no more trials may be open; must_have_one: raise if none can be queued."""
        num_trials = self.search.num_trials or 1
        self.study.search_note = None
        goes_on = True
        while goes_on:
            observations = list_observations(self.session, self.study)
            outcomes = [one.outcome for one in observations]
            if len(outcomes) - outcomes.count("invalid") >= num_trials:
                end_search(self.study)
                return
            if outcomes.count("running") >= (self.search.num_parallel or 1):
                return
            proposal = propose(self.search, observations)
            if proposal is None:
                size = f"{count_points(self.search.space):g}"
                end_search(
                    self.study,
                    f"All {size} configurations of the space have been tried, so the search ends "
                    f"before the {num_trials} that were requested.",
                )
                return
            goes_on = self._try(proposal, outcomes, must_have_one=must_have_one)

    def _try(self, proposal: Proposal, outcomes: Sequence[Outcome], *, must_have_one: bool) -> bool:
        """Queue the runs of a proposal, or record why not; return whether to ask again now."""
        number = len(outcomes) + 1
        num_valid = len(outcomes) - outcomes.count("invalid")
        is_first = must_have_one and num_valid == 0
        try:
            with self.session.begin_nested():
                self._queue(number, proposal, bracket=self._choose_bracket(num_valid + 1))
        except QuotaExceeded as error:
            if is_first:
                raise
            self.study.search_note = f"Waiting until the quota allows more jobs: {error.message}"
            return False
        except ValidationFailed as error:
            self._record_invalid(number, proposal, error)
            before = outcomes[1 - MAX_INVALID_IN_A_ROW :]
            if before.count("invalid") < MAX_INVALID_IN_A_ROW - 1:
                return True
            if is_first:
                raise
            end_search(
                self.study,
                f"The search ends because {MAX_INVALID_IN_A_ROW} configurations in a row cannot be "
                f"run. The last one: {error.message}",
            )
            return False
        except GraftError as error:
            if is_first:
                raise
            end_search(self.study, f"The search ends early: {error.message}")
            return False
        return True

    def _queue(self, number: int, proposal: Proposal, *, bracket: int | None) -> None:
        """Add a trial and queue its runs; raises the errors of create_job."""
        trial = make_drawn_trial(self.request, number, self._assign(proposal))
        self.session.add(
            self._make_row(number, trial.name, trial.changes, proposal, bracket=bracket)
        )
        for seed in self.request.seeds:
            job = create_job(
                self.session,
                trial.make_request(seed),
                self.settings,
                study_id=self.study.id,
                trial=number,
            )
            require_prunable(job, self.search)

    def _record_invalid(self, number: int, proposal: Proposal, error: ValidationFailed) -> None:
        """Add a trial without runs, which says why its configuration cannot be run."""
        name, changes, _ = describe_drawn(self.request, self._assign(proposal))
        row = self._make_row(number, name, changes, proposal)
        row.problem = error.message
        self.session.add(row)
        self.session.flush()

    def _make_row(
        self,
        number: int,
        name: str,
        changes: Changes,
        proposal: Proposal,
        *,
        bracket: int | None = None,
    ) -> StudyTrial:
        return StudyTrial(
            study_id=self.study.id,
            trial=number,
            name=name,
            changes=changes,
            origin=proposal.origin,
            point=dict(proposal.point),
            bracket=bracket,
        )

    def _assign(self, proposal: Proposal) -> Assignment:
        return assign(self.search.space, proposal.point)

    def _choose_bracket(self, number: int) -> int | None:
        """Return the bracket of the trial with a number among the valid ones, with Hyperband."""
        if self.search.method != "hyperband":
            return None
        sizes = list_bracket_sizes(
            min_epochs=self.search.min_epochs,
            reduction_factor=self.search.reduction_factor,
            epochs=find_max_epochs(self.request.base, self.search),
        )
        return choose_bracket(number, sizes)
