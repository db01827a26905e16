"""Choose the next configuration of an adaptive search by the results so far.

Optuna's sampler is used by ask-and-tell, on a study in memory that is built anew from the trials
each time. So nothing but the trials decides what is proposed: equal trials give equal proposals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from app.studies.request_schemas import Range, Search, Values
from app.studies.schemas import Origin
from app.studies.space import Point, draw_unused_point

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

_MAX_ASKS = 20

Outcome = Literal["running", "finished", "pruned", "failed", "invalid"]


@dataclass(frozen=True)
class Observation:
    """A trial as the sampler sees it.

    value is the mean of the best validation accuracies of a finished trial's runs (0-1). by_epoch
    are the mean accuracies after the epochs of one that has not finished.
    """

    point: Point
    outcome: Outcome
    value: float | None = None
    by_epoch: Mapping[int, float] = field(default_factory=dict)

    @property
    def has_result(self) -> bool:
        return self.outcome == "finished" or (self.outcome == "pruned" and bool(self.by_epoch))


class Proposal(NamedTuple):
    """A point, and why it was chosen.

    `startup`: drawn at random, as long as too few trials have results. `model`: proposed by the
    model. `random`: drawn at random, because the model proposed only points that were tried before.
    """

    point: Point
    origin: Origin


def propose(search: Search, observations: Sequence[Observation]) -> Proposal | None:
    """Return the next point after these trials; None if each point of the space was tried.

    Equal searches and trials give equal proposals. The seed is that of the search and the number of
    trials. Imports Optuna, which takes seconds the first time, once a model is needed.
    """
    random = np.random.default_rng([search.seed, len(observations)])
    used = [one.point for one in observations]
    unused = draw_unused_point(search.space, used, random)
    if unused is None:
        return None
    num_results = sum(one.has_result for one in observations)
    if num_results < (search.num_startup_trials or 1):
        return Proposal(unused, "startup")
    proposed = _ask_model(search, observations, seed=int(random.integers(2**32)))
    return Proposal(proposed, "model") if proposed is not None else Proposal(unused, "random")


def _ask_model(search: Search, observations: Sequence[Observation], *, seed: int) -> Point | None:
    """Return a new point; None if the model proposes only points that were tried before.

    A trial that was asked for in vain stays in the study as a running one, which the next proposal
    keeps away from.
    """
    distributions = _make_distributions(search)
    study = build_optuna_study(search, observations, seed=seed)
    for _ in range(_MAX_ASKS):
        asked = study.ask(distributions).params
        point = {key: asked[key] for key in search.space}
        if all(point != one.point for one in observations):
            return point
    return None


def build_optuna_study(
    search: Search, observations: Sequence[Observation], *, seed: int
) -> "Study":
    """Return a study in memory with these trials; its sampler asks the model from the first on."""
    import optuna  # noqa: PLC0415 - slow to import, and only adaptive searches need it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(
        n_startup_trials=1, multivariate=True, constant_liar=True, seed=seed
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = _make_distributions(search)
    study.add_trials([_make_trial(one, distributions) for one in observations])
    return study


def _make_trial(
    observation: Observation, distributions: "dict[str, BaseDistribution]"
) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial  # noqa: PLC0415 - slow to import

    states = {
        "running": TrialState.RUNNING,
        "finished": TrialState.COMPLETE,
        "pruned": TrialState.PRUNED,
        "failed": TrialState.FAIL,
        # not FAIL, which the model does not learn from: it shall avoid what cannot run
        "invalid": TrialState.PRUNED,
    }
    return create_trial(
        state=states[observation.outcome],
        value=observation.value if observation.outcome == "finished" else None,
        params=dict(observation.point),
        distributions=distributions,
        intermediate_values=dict(observation.by_epoch),
        constraints={"is_invalid": 1.0} if observation.outcome == "invalid" else None,
    )


def _make_distributions(search: Search) -> "dict[str, BaseDistribution]":
    return {key: _make_distribution(values) for key, values in search.space.items()}


def _make_distribution(values: Values | Range) -> "BaseDistribution":
    from optuna import distributions  # noqa: PLC0415 - slow to import

    if not isinstance(values, Range):
        return distributions.CategoricalDistribution(range(len(values)))
    if values.integer:
        return distributions.IntDistribution(int(values.low), int(values.high), log=values.log)
    return distributions.FloatDistribution(values.low, values.high, log=values.log)
