"""The portfolio of a running job: its changes are sent to the supervisor at once."""

from collections.abc import Callable, Collection
from typing import Any

from app.jobs.portfolio_schemas import Portfolio, PortfolioCandidate
from app.ml.recipe import Recipe
from worker.portfolio.clock import BudgetClock
from worker.portfolio.plan import UNKNOWN_IMAGENET_ACCURACY, Outcome
from worker.protocol import Decided, Message, PortfolioChanged


class Journal:
    """Holds a portfolio, stamps each change with the used seconds, and sends it.

    A candidate that an earlier attempt has begun but not finished is forgotten.
    """

    def __init__(
        self, portfolio: Portfolio, clock: BudgetClock, send: Callable[[Message], None]
    ) -> None:
        finished = [one for one in portfolio.candidates if one.state != "running"]
        self.portfolio = portfolio.model_copy(update={"candidates": finished})
        self.clock = clock
        self._send = send

    @property
    def candidates(self) -> list[PortfolioCandidate]:
        return self.portfolio.candidates

    @property
    def tried(self) -> list[PortfolioCandidate]:
        """Return the candidates with a cross-validated head."""
        return [one for one in self.candidates if one.accuracy is not None]

    @property
    def best(self) -> PortfolioCandidate | None:
        """Return the first candidate of the highest cross-validated accuracy."""
        return max(
            self.tried, key=lambda one: one.accuracy.value if one.accuracy else 0.0, default=None
        )

    @property
    def outcomes(self) -> list[Outcome]:
        return [
            Outcome(one.imagenet_accuracy or UNKNOWN_IMAGENET_ACCURACY, one.accuracy.value)
            for one in self.tried
            if one.accuracy
        ]

    def change(self, **values: Any) -> None:
        """Change fields of the portfolio."""
        self._put(values)
        self._send(PortfolioChanged(portfolio=self.portfolio))

    def begin(self, candidate: PortfolioCandidate) -> None:
        """Add a candidate that starts now."""
        started = candidate.model_copy(update={"started_at_seconds": self.clock.used()})
        self.change(candidates=[*self.candidates, started])

    def settle(self, **values: Any) -> None:
        """Record the result of the candidate that was begun last."""
        *others, last = self.candidates
        used = self.clock.used() - (last.started_at_seconds or 0.0)
        settled = last.model_copy(update={"used_seconds": used} | values)
        self._put({"candidates": [*others, settled]})
        self._put({"chosen": self.best and self.best.architecture})
        self._send(PortfolioChanged(portfolio=self.portfolio, settled=len(others)))

    def skip(self, candidate: PortfolioCandidate) -> None:
        """Add a candidate that is not tried."""
        self._put({"candidates": [*self.candidates, candidate]})
        self._send(PortfolioChanged(portfolio=self.portfolio, settled=len(self.candidates) - 1))

    def forget(self, architectures: Collection[str]) -> None:
        """Remove candidates that are considered again."""
        kept = [one for one in self.candidates if one.architecture not in architectures]
        self._put({"candidates": kept})

    def decide(self, recipe: Recipe, **values: Any) -> None:
        """Record the decided recipe together with changes of the portfolio."""
        self._put(values)
        self._send(Decided(recipe=recipe, portfolio=self.portfolio))

    def _put(self, values: dict[str, Any]) -> None:
        stamped = values | {"used_seconds": self.clock.used()}
        self.portfolio = self.portfolio.model_copy(update=stamped)
