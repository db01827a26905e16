"""Studies as a person sees them."""

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from graft_client.console.tables import table, title
from graft_client.console.text import count, moment, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft_client.schemas.studies import (
        FieldImportance,
        RankedConfiguration,
        Score,
        SearchProgress,
        StudyFields,
        StudySummary,
    )


def studies_table(studies: "Sequence[StudySummary]") -> RenderableType:
    """Return studies as rows."""
    rows = [
        (one.id, one.name, one.status, _num_ended(one), one.progress.runs, moment(one.created_at))
        for one in studies
    ]
    headings = ("id", "name", "status", "ended", "runs", "created")
    return table(headings, rows, right=("ended", "runs"))


def study_parts(
    study: "StudyFields", importance: "Sequence[FieldImportance]"
) -> list[RenderableType]:
    """Return a study's configurations by rank, and what mattered in its search."""
    rows = [
        (
            one.rank,
            _describe(one),
            share(one.best_val_accuracy.mean if one.best_val_accuracy else None),
            _interval(one.best_val_accuracy),
            share(one.best_val_balanced_accuracy),
            f"{sum(run.status == 'succeeded' for run in one.runs)}/{len(one.runs)}",
        )
        for one in study.ranking
    ]
    headings = ("rank", "configuration", "val acc.", "95 % interval", "balanced", "succeeded")
    runs = count(study.progress.runs, "run")
    search = study.search_progress
    return [
        title(f"{study.name} ({study.id}) is {study.status}: {_num_ended(study)} of {runs} ended"),
        *([] if search is None else [Text(_describe_search(search))]),
        table(headings, rows, right=("rank", "val acc.", "balanced", "succeeded")),
        *([_importance_table(importance)] if importance else []),
    ]


def _importance_table(importance: "Sequence[FieldImportance]") -> RenderableType:
    rows = [(one.field, share(one.importance)) for one in importance]
    return table(("field", "importance"), rows, right=("importance",))


def _describe_search(search: "SearchProgress") -> str:
    """Return how far an adaptive search is, and what it waits for."""
    invalid = f", and {search.num_invalid} cannot be run" if search.num_invalid else ""
    chosen = f"{search.num_created} of {count(search.num_trials, 'configuration')} chosen{invalid}."
    return f"{chosen} {search.message}"


def _describe(one: "RankedConfiguration") -> str:
    """Return a configuration's name, and what is special about it."""
    notes = []
    if one.is_tied_with_best and one.rank != 1:
        notes.append("tied with the best")
    if one.origin == "model":
        notes.append("chosen by the results")
    if one.problem is not None:
        notes.append(f"cannot be run: {one.problem}")
    return one.name + (f" ({'; '.join(notes)})" if notes else "")


def _interval(score: "Score | None") -> str:
    interval = score.interval if score else None
    return f"{share(interval.low)}-{share(interval.high)}" if interval else "-"


def _num_ended(study: "StudySummary") -> int:
    return study.progress.runs - study.progress.queued - study.progress.running
