"""Convert studies from rows to responses, with ranking and curves."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import cast

from sqlalchemy.orm import Session

from app.db.study_tables import Study
from app.db.tables import Dataset, Epoch, Job
from app.jobs.best import find_head_start
from app.jobs.states import TERMINAL
from app.studies.curves import Curve
from app.studies.progress import list_best_so_far, view_search
from app.studies.ranking import Candidate, rank
from app.studies.repository import ASKING, StudyRepository
from app.studies.schemas import (
    Origin,
    RankedConfiguration,
    RunView,
    StudyProgress,
    StudySummary,
    StudyView,
)


def view_study(session: Session, study: Study) -> StudyView:
    """Return the response for a study, with its ranking."""
    candidates = list_candidates(session, study)
    return StudyView(
        **dict(summarize_study(session, study)),
        ranking=rank(candidates, _count_val_images(session, study)),
        best_so_far=list_best_so_far(candidates),
    )


def summarize_study(session: Session, study: Study) -> StudySummary:
    """Return the response for a study, without its ranking."""
    counts: Counter[str] = Counter()
    end_times = []
    for status, num_jobs, last_end in StudyRepository(session).count_jobs(study.id):
        counts["running" if status == "cancelling" else status] += num_jobs
        end_times.append(last_end)
    is_terminal = not counts.keys() - TERMINAL and study.search_status != ASKING
    return StudySummary(
        id=study.id,
        name=study.name,
        status="finished" if is_terminal else "running",
        is_terminal=is_terminal,
        dataset_id=study.dataset_id,
        **study.config,
        progress=StudyProgress(runs=counts.total(), **counts),
        search_progress=view_search(session, study),
        metadata=study.labels,
        created_at=study.created_at,
        finished_at=max(filter(None, end_times), default=None) if is_terminal else None,
    )


def list_curves(session: Session, study: Study, *, limit: int) -> list[Curve]:
    """Return the curves of the first `limit` configurations of the ranking."""
    studies = StudyRepository(session)
    first = rank_study(session, study)[:limit]
    epochs = defaultdict(list)
    for row in studies.list_epochs_of(study.id, [one.trial for one in first]):
        epochs[row.job_id].append(row)
    return [
        Curve(
            label=one.name,
            runs=[epochs[run.job_id] for run in one.runs if epochs[run.job_id]],
            best=one.best_val_accuracy.mean if one.best_val_accuracy else None,
        )
        for one in first
    ]


def rank_study(session: Session, study: Study) -> list[RankedConfiguration]:
    """Return the configurations of a study, the best first."""
    return rank(list_candidates(session, study), _count_val_images(session, study))


def list_candidates(session: Session, study: Study) -> list[Candidate]:
    """Return the configurations of a study with their runs, by trial number."""
    studies = StudyRepository(session)
    epochs = {(row.job_id, row.epoch): row for row in studies.list_best_and_last_epochs(study.id)}
    pruned = studies.list_pruned_ids(study.id)
    runs = defaultdict(list)
    for job in sorted(studies.list_jobs(study.id), key=lambda job: job.config["seed"]):
        is_pruned = job.id in pruned and job.status in {"cancelling", "cancelled"}
        runs[job.trial].append(_view_run(job, epochs, is_pruned=is_pruned))
    return [
        Candidate(
            trial=trial.trial,
            name=trial.name,
            changes=trial.changes,
            runs=runs[trial.trial],
            origin=cast("Origin | None", trial.origin),
            bracket=trial.bracket,
            problem=trial.problem,
            point=trial.point,
        )
        for trial in studies.list_trials(study.id)
    ]


def _count_val_images(session: Session, study: Study) -> int | None:
    dataset = session.get(Dataset, study.dataset_id)
    return dataset.splits.get("val", {}).get("num_images") if dataset else None


def _view_run(job: Job, epochs: Mapping[tuple[str, int], Epoch], *, is_pruned: bool) -> RunView:
    best = epochs.get((job.id, job.best_epoch or 0))
    validated = find_head_start(job) if job.best_epoch == 0 else best
    last = epochs.get((job.id, job.resume_epoch))
    if last is not None and last.learning_rate is None:
        last = best  # with `lbfgs` each epoch is an L2 strength, and the last one has no meaning
    return RunView.model_validate(
        {
            "job_id": job.id,
            "seed": job.config["seed"],
            "status": job.status,
            "is_pruned": is_pruned,
            "best_epoch": job.best_epoch,
            "best_val_accuracy": validated.val_accuracy if validated else None,
            "best_val_balanced_accuracy": validated.val_balanced_accuracy if validated else None,
            "last_val_accuracy": last.val_accuracy if last else None,
        }
    )
