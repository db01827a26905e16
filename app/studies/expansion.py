"""Expand a study's request into the requests of its jobs."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from pydantic import ValidationError

from app.errors import InputProblem, ValidationFailed, WeightsUnavailable
from app.recipes.defaults import is_published, resolve
from app.recipes.schemas import JobRequest
from app.recipes.service import require_weights
from app.settings import Settings
from app.studies.request_schemas import ADAPTIVE, Changes, Search, StudyRequest
from app.studies.search import draw_assignments
from app.studies.space import Assignment, Point, Space, assign, draw_point, list_ends
from app.studies.trial import ProblemCollector, Source, Trial
from app.web.input_problems import list_problems

MAX_JOBS = 200

_MAX_COMBINATIONS = 8
"""Combinations of the other fields' values with which a value of a space is tried."""

_SET_BY_STUDY = {
    "dataset_id": "dataset_id of the study",
    "seed": "seeds of the study",
    "clone_of": "left out",
}
_MAX_NAME = 200


def expand(request: StudyRequest) -> list[Trial]:
    """Return the trials of a study, each with a validated job request.

    An adaptive search has not chosen its trials yet: the trials returned show only that each value
    of its space can be used. Raises ValidationFailed with all errors; each has its location in the
    study's request.
    """
    if request.search is not None and request.search.method in ADAPTIVE:
        _check_number(request.search.num_trials or 1, len(request.seeds))
        return _list_examples(request, request.search)
    problems = ProblemCollector()
    trials: list[Trial] = []
    for number, (name, changes, source) in enumerate(_list_configurations(request), 1):
        try:
            trials.append(_make_trial(request, number, name, changes, source))
        except ValidationFailed as error:
            problems.add(*error.problems)
    problems.raise_if_any()
    _check_number(len(trials), len(request.seeds))
    return trials


def make_drawn_trial(request: StudyRequest, number: int, assignment: Assignment) -> Trial:
    """Return the trial with these values of the search space; raises ValidationFailed."""
    return _make_trial(request, number, *describe_drawn(request, assignment))


def _make_trial(
    request: StudyRequest, number: int, name: str, changes: Changes, source: Source
) -> Trial:
    fields = merge(request.base, changes)
    if forbidden := sorted(_SET_BY_STUDY.keys() & fields.keys()):
        raise ValidationFailed(
            *(
                InputProblem(
                    source.locate((field,)),
                    f"`{field}` cannot be set for a single configuration of a study.",
                    (_SET_BY_STUDY[field],),
                )
                for field in forbidden
            )
        )
    fields |= {"dataset_id": request.dataset_id, "seed": request.seeds[0]}
    try:
        job_request = JobRequest.model_validate(fields)
    except ValidationError as error:
        problems = list_problems(error.errors(), JobRequest, locate=source.locate)
        raise ValidationFailed(*problems) from error
    return Trial(number, name, changes, source, job_request)


def _list_examples(request: StudyRequest, search: Search) -> list[Trial]:
    """Return trials in which each listed value, and both ends of each range, are used.

    Raises ValidationFailed if a value is invalid with some of the other fields' values, drawn a few
    times at random.
    """
    problems = ProblemCollector()
    examples = []
    for key, values in search.space.items():
        for position in list_ends(values):
            try:
                examples.append(_find_example(request, search.space, {key: position}))
            except ValidationFailed as error:
                problems.add(*error.problems)
    problems.raise_if_any()
    return examples


def _find_example(request: StudyRequest, space: Space, fixed: Point) -> Trial:
    random = np.random.default_rng(0)
    points = [{**draw_point(space, random), **fixed} for _ in range(_MAX_COMBINATIONS)]
    for point in points[:-1]:
        with suppress(ValidationFailed):
            return _make_resolvable(request, assign(space, point))
    return _make_resolvable(request, assign(space, points[-1]))


def _make_resolvable(request: StudyRequest, assignment: Assignment) -> Trial:
    """Return a trial that has no problem which is known without the database."""
    trial = make_drawn_trial(request, 1, assignment)
    if trial.request.clone_of is None and is_published(trial.request):
        problems = ProblemCollector()
        with problems.collecting(trial.source):
            resolve(trial.request, dataset_name="any", num_threads=1, base=None)
        problems.raise_if_any()
    return trial


def require_all_weights(trials: list[Trial], settings: Settings) -> None:
    """Raise WeightsUnavailable if the weights of a trial are not available; or ValidationFailed.

    May use the network, so call it before a transaction begins.
    """
    problems = ProblemCollector()
    checked = set()
    for trial in trials:
        request = trial.request
        wanted = (request.preset, request.architecture, request.weights, request.strategy)
        if wanted in checked:
            continue
        checked.add(wanted)
        with problems.collecting(trial.source):
            try:
                require_weights(request, settings)
            except WeightsUnavailable as error:
                raise WeightsUnavailable(f"{trial.name}: {error.message}") from error
    problems.raise_if_any()


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Apply changes to the base; nested objects are merged if their `name` stays the same."""
    merged = dict(base)
    for field, value in changes.items():
        old = merged.get(field)
        if isinstance(old, dict) and isinstance(value, dict):
            same = value.get("name", old.get("name")) == old.get("name")
            merged[field] = old | value if same else value
        else:
            merged[field] = value
    return merged


def _check_number(num_trials: int, num_seeds: int) -> None:
    num_jobs = num_trials * num_seeds
    if num_jobs > MAX_JOBS:
        message = (
            f"{num_trials} configurations with {num_seeds} seeds are {num_jobs} jobs; "
            f"a study has at most {MAX_JOBS}."
        )
        raise ValidationFailed(InputProblem(("body", "seeds"), message, (f"<= {MAX_JOBS} jobs",)))


def _list_configurations(request: StudyRequest) -> Iterator[tuple[str, Changes, Source]]:
    base = frozenset(request.base)
    for index, configuration in enumerate(request.configurations or ()):
        changes = configuration.changes
        origin = ("body", "configurations", index)
        yield configuration.name, changes, Source(origin, tuple(changes), base, is_drawn=False)
    for assignment in draw_assignments(request.search) if request.search else ():
        yield describe_drawn(request, assignment)


def describe_drawn(request: StudyRequest, assignment: Assignment) -> tuple[str, Changes, Source]:
    """Return the name, the changes and the source of values of the search space."""
    origin = ("body", "search", "space")
    source = Source(origin, tuple(assignment), frozenset(request.base), is_drawn=True)
    return _name(assignment), _nest(assignment), source


def _nest(assignment: Assignment) -> Changes:
    changes: Changes = {}
    for key, value in assignment.items():
        field, _, part = key.partition(".")
        if part:
            changes.setdefault(field, {})[part] = value
        else:
            changes[field] = value
    return changes


def _name(assignment: Assignment) -> str:
    parts = [
        f"{key.rpartition('.')[2]} {f'{value:.3g}' if isinstance(value, float) else value}"
        for key, value in assignment.items()
    ]
    return ", ".join(parts)[:_MAX_NAME]
