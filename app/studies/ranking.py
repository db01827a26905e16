"""Rank the configurations of a study by validation accuracy, with ties."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from app.ml.trust.intervals import is_difference_insignificant
from app.studies.intervals import estimate_interval
from app.studies.request_schemas import Changes
from app.studies.schemas import Origin, RankedConfiguration, RunView, Score
from app.studies.space import Point


@dataclass(frozen=True)
class Candidate:
    """A configuration with its runs, to be ranked; the other fields are those of its trial."""

    trial: int
    name: str
    changes: Changes
    runs: Sequence[RunView]
    origin: Origin | None = None
    bracket: int | None = None
    problem: str | None = None
    point: Point | None = None


def rank(candidates: Iterable[Candidate], num_val_images: int | None) -> list[RankedConfiguration]:
    """Sort the configurations by mean best validation accuracy, the best first.

    Ties are sorted by the mean last accuracy, then by trial number. Configurations whose runs have
    all failed or been stopped early come after the others, and those without an epoch last.
    """
    ordered = sorted(
        ((candidate, *_select_runs(candidate.runs)) for candidate in candidates),
        key=lambda item: _sort_key(item[0].trial, *item[1:]),
    )
    ranking: list[RankedConfiguration] = []
    for position, (candidate, runs, _) in enumerate(ordered, 1):
        best = _score([run.best_val_accuracy for run in runs], num_val_images)
        last = _score([run.last_val_accuracy for run in runs], num_val_images)
        leader = ranking[0].best_val_accuracy if ranking else best
        ranking.append(
            RankedConfiguration(
                rank=position if runs else None,
                trial=candidate.trial,
                name=candidate.name,
                changes=candidate.changes,
                origin=candidate.origin,
                bracket=candidate.bracket,
                problem=candidate.problem,
                best_val_accuracy=best,
                best_val_balanced_accuracy=_mean([run.best_val_balanced_accuracy for run in runs]),
                last_val_accuracy=last,
                is_tied_with_best=_is_tied(leader, best),
                runs=list(candidate.runs),
            )
        )
    return ranking


def _select_runs(runs: Sequence[RunView]) -> tuple[list[RunView], bool]:
    """Return the runs that count, and whether any of them was neither stopped nor has failed."""
    measured = [run for run in runs if run.best_val_accuracy is not None]
    complete = [
        run for run in measured if run.status not in {"failed", "cancelled"} and not run.is_pruned
    ]
    return complete or measured, bool(complete)


def _sort_key(
    trial: int, runs: Sequence[RunView], is_complete: bool
) -> tuple[bool, bool, float, float, int]:
    if not runs:
        return True, True, 0.0, 0.0, trial
    best = fmean(run.best_val_accuracy or 0.0 for run in runs)
    last = fmean(run.last_val_accuracy or 0.0 for run in runs)
    return False, not is_complete, -best, -last, trial


def _score(accuracies: Sequence[float | None], num_val_images: int | None) -> Score | None:
    known = [accuracy for accuracy in accuracies if accuracy is not None]
    if not known:
        return None
    interval = estimate_interval(known, num_val_images)
    return Score(mean=fmean(known), interval=interval, num_runs=len(known))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None


def _is_tied(leader: Score | None, score: Score | None) -> bool | None:
    if score is not None and score is leader:
        return True
    if score is None or leader is None or score.interval is None or leader.interval is None:
        return None
    return is_difference_insignificant(
        leader.mean, leader.interval.low, score.mean, score.interval.high
    )
