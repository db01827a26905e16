"""Read the trials of an adaptive search from SQL as its sampler sees them."""

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from sqlalchemy.orm import Session

from app.db.study_tables import Study
from app.jobs.states import UNFINISHED
from app.studies.proposals import Observation, Outcome
from app.studies.ranking import Candidate
from app.studies.repository import StudyRepository
from app.studies.request_schemas import Search
from app.studies.space import locate
from app.studies.views import list_candidates


def list_observations(session: Session, study: Study) -> list[Observation]:
    """Return the trials of a study with a search in the order in which they were chosen."""
    search = Search.model_validate(study.config["search"])
    candidates = list_candidates(session, study)
    outcomes = [find_outcome(one) for one in candidates]
    incomplete = [
        one.trial
        for one, outcome in zip(candidates, outcomes, strict=True)
        if outcome not in {"finished", "invalid"}
    ]
    by_epoch = _read_epochs(session, study, incomplete)
    return [
        Observation(
            point=one.point if one.point is not None else locate(search.space, one.changes),
            outcome=outcome,
            value=_mean_accuracy(one) if outcome == "finished" else None,
            by_epoch=by_epoch.get(one.trial, {}),
        )
        for one, outcome in zip(candidates, outcomes, strict=True)
    ]


def find_outcome(candidate: Candidate) -> Outcome:
    """Return the outcome of a trial: that of the runs that count in the ranking."""
    if candidate.problem is not None:
        return "invalid"
    runs = candidate.runs
    if any(run.status in UNFINISHED for run in runs):
        return "running"
    if any(run.status == "succeeded" for run in runs):
        return "finished"
    return "pruned" if any(run.is_pruned for run in runs) else "failed"


def _mean_accuracy(candidate: Candidate) -> float:
    """Return the mean best validation accuracy of the runs that succeeded, as in the ranking."""
    return fmean(
        run.best_val_accuracy or 0.0 for run in candidate.runs if run.status == "succeeded"
    )


def _read_epochs(
    session: Session, study: Study, trials: Sequence[int]
) -> dict[int, dict[int, float]]:
    """Return the mean accuracy of the runs after each epoch, by trial; in SQL's order of runs."""
    trial_of = {job.id: job.trial for job in StudyRepository(session).list_jobs(study.id)}
    accuracies: dict[tuple[int, int], list[float]] = defaultdict(list)
    for row in StudyRepository(session).list_epochs_of(study.id, trials):
        accuracies[trial_of[row.job_id] or 0, row.epoch].append(row.val_accuracy)
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for (trial, epoch), values in accuracies.items():
        found[trial][epoch] = fmean(values)
    return found
