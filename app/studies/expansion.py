"""Expand a study's request into the requests of its jobs."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from app.errors import InputProblem, ValidationFailed, WeightsUnavailable
from app.recipes.schemas import JobRequest
from app.recipes.service import require_weights
from app.settings import Settings
from app.studies.request_schemas import Changes, StudyRequest
from app.studies.search import Assignment, draw_assignments
from app.studies.trial import ProblemCollector, Source, Trial
from app.web.input_problems import list_problems

MAX_JOBS = 200

_SET_BY_STUDY = {
    "dataset_id": "dataset_id of the study",
    "seed": "seeds of the study",
    "clone_of": "left out",
}
_MAX_NAME = 200


def expand(request: StudyRequest) -> list[Trial]:
    """Return the trials of a study, each with a validated job request.

    Raises ValidationFailed with all errors; each has its location in the study's request.
    """
    problems = ProblemCollector()
    trials: list[Trial] = []
    for number, (name, changes, source) in enumerate(_list_configurations(request), 1):
        fields = merge(request.base, changes)
        forbidden = sorted(_SET_BY_STUDY.keys() & fields.keys())
        for field in forbidden:
            message = f"`{field}` cannot be set for a single configuration of a study."
            problems.add(InputProblem(source.locate((field,)), message, (_SET_BY_STUDY[field],)))
        if forbidden:
            continue
        fields |= {"dataset_id": request.dataset_id, "seed": request.seeds[0]}
        try:
            job_request = JobRequest.model_validate(fields)
        except ValidationError as error:
            problems.add(*list_problems(error.errors(), JobRequest, locate=source.locate))
        else:
            trials.append(Trial(number, name, changes, source, job_request))
    problems.raise_if_any()
    _check_number(len(trials), len(request.seeds))
    return trials


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
        source = Source(("body", "search", "space"), tuple(assignment), base, is_drawn=True)
        yield _name(assignment), _nest(assignment), source


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
