"""How far an adaptive search is, in numbers and in words."""

from collections.abc import Iterable
from statistics import fmean

from sqlalchemy.orm import Session

from app.db.study_tables import Study
from app.studies.ranking import Candidate
from app.studies.repository import ASKING, StudyRepository, TrialCounts
from app.studies.request_schemas import Search
from app.studies.schemas import BestSoFar, SearchProgress, SearchStatus


def view_search(session: Session, study: Study) -> SearchProgress | None:
    """Return the progress of a study's adaptive search; None if it has none."""
    if study.search_status is None:
        return None
    search = Search.model_validate(study.config["search"])
    counts = StudyRepository(session).count_trials(study.id)
    num_trials = search.num_trials or 0
    status = _find_status(study, search, counts)
    return SearchProgress(
        status=status,
        message=_describe(status, study.search_note, counts, num_trials),
        num_trials=num_trials,
        num_created=counts.num_valid,
        num_running=counts.num_open,
        num_finished=counts.num_valid - counts.num_open,
        num_invalid=counts.num_invalid,
    )


def list_best_so_far(candidates: Iterable[Candidate]) -> list[BestSoFar]:
    """Return the best configuration by number of configurations, in the order of trials."""
    found: list[BestSoFar] = []
    for number, one in enumerate(candidates, 1):
        accuracies = [
            run.best_val_accuracy
            for run in one.runs
            if run.status == "succeeded" and run.best_val_accuracy is not None
        ]
        if not accuracies:
            continue
        best = BestSoFar(num_trials=number, trial=one.trial, best_val_accuracy=fmean(accuracies))
        if found and found[-1].best_val_accuracy >= best.best_val_accuracy:
            best = found[-1].model_copy(update={"num_trials": number})
        found.append(best)
    return found


def _find_status(study: Study, search: Search, counts: TrialCounts) -> SearchStatus:
    if study.search_status == ASKING:
        if study.search_note is not None:
            return "waiting_for_quota"
        is_full = counts.num_open >= (search.num_parallel or 1)
        return "waiting_for_results" if is_full else "asking"
    if study.search_note is not None:
        return "stopped"
    return "last_runs" if counts.num_open else "finished"


def _describe(status: SearchStatus, note: str | None, counts: TrialCounts, num_trials: int) -> str:
    if note is not None:
        return note
    sentences = {
        "waiting_for_results": f"Waiting for results of {_count(counts.num_open)} before it asks "
        "for the next.",
        "asking": "A worker is about to ask for the next configuration.",
        "last_runs": f"All {_count(num_trials)} have been chosen; {counts.num_open} still run.",
        "finished": f"All {_count(num_trials)} have ended.",
    }
    return sentences[status]


def _count(number: int) -> str:
    return f"{number} configuration" if number == 1 else f"{number} configurations"
