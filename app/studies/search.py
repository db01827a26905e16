"""Optuna's part: which configurations are tried, and which runs are given up.

No Optuna study is kept. Each is built for one question and forgotten; SQL holds what was drawn.
"""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, GridSampler, RandomSampler

from app.errors import InputProblem, ValidationFailed
from app.studies.request_schemas import MAX_CONFIGURATIONS, Range, Search, Values

optuna.logging.set_verbosity(optuna.logging.WARNING)

_MAX_DRAWS = 20_000
"""More than it takes to meet each of 200 equally likely ones (some 200 ln 200 draws)."""

Assignment = dict[str, Any]
"""A value for each field of the space, by its dotted path."""


def draw_assignments(search: Search) -> list[Assignment]:
    """The configurations of a search, all different; the same search draws the same ones.

    Raises ValidationFailed where the space has fewer than `num_trials`, or the whole grid is too
    many.
    """
    size = prod(_num_values(values) for values in search.space.values())
    wanted = search.num_trials or int(size)
    if wanted > min(size, MAX_CONFIGURATIONS):
        message = f"The space has {size:g} configurations; {wanted} of them cannot be tried."
        raise _wrong_number(message, min(size, MAX_CONFIGURATIONS))
    study = optuna.create_study(sampler=_make_sampler(search), pruner=NopPruner())
    distributions = {key: _distribution(values) for key, values in search.space.items()}
    drawn: dict[tuple[Any, ...], Assignment] = {}
    for _ in range(_MAX_DRAWS):
        params = study.ask(distributions).params
        position = tuple(params[key] for key in search.space)
        drawn[position] = {
            key: _value_at(values, params[key]) for key, values in search.space.items()
        }
        if len(drawn) == wanted:
            break
    else:
        raise _wrong_number(f"Only {len(drawn)} different configurations were found.", len(drawn))
    in_order = sorted(drawn) if search.method == "grid" else drawn
    return [drawn[position] for position in in_order]


def list_rungs(*, min_epochs: int, reduction_factor: int, epochs: int) -> Iterator[int]:
    """The epochs before the last one after which runs are compared."""
    rung = min_epochs
    while rung < epochs:
        yield rung
        rung *= reduction_factor


def falls_behind(
    accuracy: float, rivals: Sequence[float], *, rung: int, reduction_factor: int
) -> bool:
    """Whether a run does not go on after this rung.

    accuracy and rivals (0-1) are validation accuracies after the same epoch; runs that have not got
    there are not waited for, and the first to come always goes on.
    Source: asynchronous successive halving (Li et al., "A System for Massively Parallel
    Hyperparameter Tuning", 2020) as in Optuna's SuccessiveHalvingPruner.
    """
    pruner = SuccessiveHalvingPruner(min_resource=rung, reduction_factor=reduction_factor)
    study = optuna.create_study(direction="maximize", sampler=RandomSampler(), pruner=pruner)
    is_behind = False
    for value in (*rivals, accuracy):
        trial = study.ask()
        trial.report(value, rung)
        is_behind = trial.should_prune()
    return is_behind


def _wrong_number(message: str, most: float) -> ValidationFailed:
    return ValidationFailed(
        InputProblem(("body", "search", "num_trials"), message, (f"<= {most:g}",))
    )


def _make_sampler(search: Search) -> BaseSampler:
    if search.method != "grid":
        return RandomSampler(search.seed)
    positions = {
        key: range(len(values))
        for key, values in search.space.items()
        if not isinstance(values, Range)
    }
    return GridSampler(positions, search.seed)


def _num_values(values: Values | Range) -> float:
    return values.num_values if isinstance(values, Range) else len(values)


def _distribution(values: Values | Range) -> BaseDistribution:
    """Where a field is drawn from; values by their position, for they may be objects."""
    if not isinstance(values, Range):
        return CategoricalDistribution(range(len(values)))
    if values.integer:
        return IntDistribution(int(values.low), int(values.high), log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)


def _value_at(values: Values | Range, drawn: Any) -> Any:
    return drawn if isinstance(values, Range) else values[drawn]
