"""Studies as a person sees them."""

from typing import TYPE_CHECKING

from rich.console import RenderableType

from graft_client.console.tables import table, title
from graft_client.console.text import count, moment, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft_client.schemas.studies import Score, StudyFields, StudySummary


def studies_table(studies: "Sequence[StudySummary]") -> RenderableType:
    """Return studies as rows."""
    rows = [
        (one.id, one.name, one.status, _num_ended(one), one.progress.runs, moment(one.created_at))
        for one in studies
    ]
    headings = ("id", "name", "status", "ended", "runs", "created")
    return table(headings, rows, right=("ended", "runs"))


def study_parts(study: "StudyFields") -> list[RenderableType]:
    """Return a study's configurations by rank."""
    rows = [
        (
            one.rank,
            one.name + (" (tied with the best)" if one.is_tied_with_best and one.rank != 1 else ""),
            share(one.best_val_accuracy.mean if one.best_val_accuracy else None),
            _interval(one.best_val_accuracy),
            f"{sum(run.status == 'succeeded' for run in one.runs)}/{len(one.runs)}",
        )
        for one in study.ranking
    ]
    headings = ("rank", "configuration", "val acc.", "95 % interval", "succeeded")
    runs = count(study.progress.runs, "run")
    return [
        title(f"{study.name} ({study.id}) is {study.status}: {_num_ended(study)} of {runs} ended"),
        table(headings, rows, right=("rank", "val acc.", "succeeded")),
    ]


def _interval(score: "Score | None") -> str:
    interval = score.interval if score else None
    return f"{share(interval.low)}-{share(interval.high)}" if interval else "-"


def _num_ended(study: "StudySummary") -> int:
    return study.progress.runs - study.progress.queued - study.progress.running
