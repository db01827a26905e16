"""Try candidates one after the other, until the budget or the list is used up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from app.errors import BudgetTooSmall, GpuOutOfMemory, GraftError, TooFewImages
from app.jobs.portfolio_schemas import PortfolioCandidate, StopReason
from app.ml.models.catalogue import ArchitectureSpec
from worker.advice.decision import SATURATED_ACCURACY
from worker.portfolio.candidates import find_imagenet_accuracy
from worker.portfolio.journal import Journal
from worker.portfolio.plan import (
    UNKNOWN_IMAGENET_ACCURACY,
    Prospect,
    allow_candidate,
    expect_accuracy,
    order,
)
from worker.portfolio.results import CandidateResult, Interrupted, Runner

_TRUST = 2.0
"""A candidate whose estimate is within this factor is measured, which takes few seconds."""

_MAX_KEPT = 3
"""Candidates whose features stay in memory: the best, and those that it may be compared with."""

_OUT_OF_MEMORY = (MemoryError, torch.OutOfMemoryError)


@dataclass(frozen=True)
class SearchResult:
    """The best candidate, if this attempt has run it, and why no further one was tried.

    others: the next best that this attempt has run, the best first.
    """

    best: CandidateResult | None
    others: list[CandidateResult]
    reason: StopReason


class CandidateSearch:
    """Tries the candidates of a list; those of earlier attempts are in the journal."""

    def __init__(
        self,
        architectures: Sequence[ArchitectureSpec],
        runner: Runner,
        journal: Journal,
        *,
        may_fine_tune: bool,
        should_stop: Callable[[], bool],
    ) -> None:
        known = {one.architecture for one in journal.candidates}
        self._left = {one.name: one for one in architectures if one.name not in known}
        self._unaffordable: dict[str, ArchitectureSpec] = {}
        self._num_candidates = len(architectures)
        self._runner = runner
        self._journal = journal
        self._may_fine_tune = may_fine_tune
        self._should_stop = should_stop
        self._results: list[CandidateResult] = []
        self._reserve = journal.portfolio.reserved_seconds or 0.0
        self._fastest: tuple[float, float, str] | None = None

    def run(self) -> SearchResult:
        """Try what fits, the most promising per second first.

        Raises BudgetTooSmall if the budget is too short for any candidate, and the error of a
        candidate if there is no other.
        """
        reason = self._find_reason_to_stop()
        while self._left and reason is None:
            prospects = [
                Prospect(name, _get_imagenet_accuracy(spec), self._estimate(spec))
                for name, spec in self._left.items()
            ]
            allowed = self._allow(self._reserve)
            fitting = [one for one in prospects if one.seconds <= _TRUST * allowed]
            if fitting:
                prospect = order(fitting, self._journal.outcomes)[0]
            elif self._journal.best is None:  # an estimate alone must not end a job
                prospect = min(prospects, key=lambda one: (one.seconds, one.architecture))
            else:
                self._skip_all(prospects, allowed)
                break
            self._try(self._left.pop(prospect.architecture), prospect)
            reason = self._find_reason_to_stop()
        if self._journal.best is None:
            raise self._explain_nothing()
        best = self._best
        others = [one for one in self._results if one is not best]
        return SearchResult(best, others, reason or self._sum_up())

    def use_rest(self) -> SearchResult:
        """Try the candidates that were skipped to leave time for fine-tuning, now without it."""
        self._may_fine_tune = False
        if not self._should_stop():
            self._left, self._unaffordable = self._unaffordable, {}
            self._journal.forget(self._left)
        return self.run()

    @property
    def _best(self) -> CandidateResult | None:
        best = self._journal.best
        name = best and best.architecture
        return next((one for one in self._results if one.architecture.name == name), None)

    def _find_reason_to_stop(self) -> StopReason | None:
        best = self._journal.best
        if best is None or best.accuracy is None:
            return None
        if self._should_stop():
            return "stopped"
        if best.accuracy.value >= SATURATED_ACCURACY:
            return "accurate_enough"
        return None

    def _estimate(self, architecture: ArchitectureSpec) -> float:
        """Estimate a candidate's seconds; the only one is measured in any case."""
        return self._runner.estimate(architecture) if self._num_candidates > 1 else 0.0

    def _allow(self, reserve: float) -> float:
        clock = self._journal.clock
        return allow_candidate(
            clock.total,
            clock.used(),
            reserve,
            may_fine_tune=self._may_fine_tune,
            is_first=self._journal.best is None,
        )

    def _try(self, architecture: ArchitectureSpec, prospect: Prospect) -> None:
        journal = self._journal
        self._begin(architecture, prospect.seconds)
        try:
            measurement = self._runner.measure(architecture)
        except (GraftError, *_OUT_OF_MEMORY) as error:
            self._skip_failed(architecture, error)
            return
        reserve = measurement.evaluation.of_head
        seconds = measurement.seconds
        started_at = journal.candidates[-1].started_at_seconds or 0.0
        expected = journal.clock.used() - started_at + seconds
        allowed = self._allow(reserve)
        if self._fastest is None or expected + reserve < self._fastest[0]:
            self._fastest = (expected + reserve, started_at, architecture.name)
        if seconds > allowed:
            self._unaffordable[architecture.name] = architecture
            journal.settle(
                state="skipped",
                expected_seconds=expected,
                reason=explain_unaffordable(seconds, allowed, self._may_fine_tune),
            )
            return
        journal.change(
            reserved_seconds=reserve,
            candidates=[
                *journal.candidates[:-1],
                journal.candidates[-1].model_copy(update={"expected_seconds": expected}),
            ],
        )
        self._run(architecture, reserve)

    def _run(self, architecture: ArchitectureSpec, reserve: float) -> None:
        journal = self._journal

        def has_time(seconds: float) -> bool:
            return not self._should_stop() and journal.clock.left() - reserve > seconds

        try:
            result = self._runner.run(has_time, is_first=journal.best is None)
        except Interrupted:
            late = not self._should_stop()
            journal.settle(
                state="skipped",
                reason="It took longer than expected, and the budget was used up."
                if late
                else "The job was stopped while it ran.",
            )
            return
        except TooFewImages:
            raise
        except (GraftError, *_OUT_OF_MEMORY) as error:
            self._skip_failed(architecture, error)
            return
        before = journal.best
        accuracy = result.accuracy
        journal.settle(
            state="tried",
            accuracy=accuracy,
            l2_strength=result.best.l2_strength,
            reason=_compare(before, accuracy.value) + self._explain_missing(result),
        )
        self._results.append(result)
        self._results.sort(key=lambda one: -one.accuracy.value)
        del self._results[_MAX_KEPT:]
        if self._best is result:
            self._reserve = result.evaluation.of_head

    def _explain_missing(self, result: CandidateResult) -> str:
        if result.num_strengths_left == 0:
            return ""
        num_all = len(result.solver.l2_strengths)
        why = "the job was stopped" if self._should_stop() else "the budget was used up"
        num_solved = num_all - result.num_strengths_left
        return f" Heads were solved for {num_solved} of {num_all} L2 strengths, because {why}."

    def _begin(self, architecture: ArchitectureSpec, seconds: float) -> None:
        self._journal.begin(self._describe(architecture, seconds, "running", ""))

    def _describe(
        self, architecture: ArchitectureSpec, seconds: float, state: str, reason: str
    ) -> PortfolioCandidate:
        expected = expect_accuracy(_get_imagenet_accuracy(architecture), self._journal.outcomes)
        return PortfolioCandidate.model_validate(
            {
                "architecture": architecture.name,
                "state": state,
                "reason": reason,
                "imagenet_accuracy": find_imagenet_accuracy(architecture),
                "expected_accuracy": expected,
                "expected_seconds": seconds,
                "started_at_seconds": None,
                "used_seconds": None,
                "accuracy": None,
                "l2_strength": None,
            }
        )

    def _skip_all(self, prospects: Sequence[Prospect], allowed: float) -> None:
        for prospect in prospects:
            spec = self._unaffordable[prospect.architecture] = self._left[prospect.architecture]
            reason = explain_unaffordable(prospect.seconds, allowed, self._may_fine_tune)
            self._journal.skip(self._describe(spec, prospect.seconds, "skipped", reason))

    def _skip_failed(self, architecture: ArchitectureSpec, error: BaseException) -> None:
        """Skip a candidate that cannot be run; raise its error if it is the only one."""
        is_memory = isinstance(error, _OUT_OF_MEMORY)
        message = (
            f"{architecture.name} does not fit in the device's memory."
            if is_memory
            else str(getattr(error, "message", error))
        )
        if self._num_candidates == 1:
            if is_memory:
                raise GpuOutOfMemory(message) from error
            raise error
        self._journal.settle(state="skipped", reason=message)

    def _explain_nothing(self) -> GraftError:
        if self._fastest is None:
            last = self._journal.candidates[-1]
            return BudgetTooSmall(f"No candidate could be run. The last: {last.reason}")
        seconds, started_at, name = self._fastest
        total = self._journal.clock.total
        return BudgetTooSmall(
            f"No backbone runs on all training images within {total:g} s; the fastest that was "
            f"measured, {name}, began after {started_at:.0f} s and needs about {seconds:.0f} s, "
            "the evaluation included. Raise time_budget_seconds."
        )

    def _sum_up(self) -> StopReason:
        best = self._best
        is_cut = best is not None and best.num_strengths_left > 0
        skipped = [one for one in self._journal.candidates if one.state == "skipped"]
        return "budget_used" if skipped or is_cut else "all_tried"


def _get_imagenet_accuracy(architecture: ArchitectureSpec) -> float:
    return find_imagenet_accuracy(architecture) or UNKNOWN_IMAGENET_ACCURACY


def explain_unaffordable(seconds: float, allowed: float, may_fine_tune: bool) -> str:
    """Explain why a candidate is skipped."""
    purpose = "for candidates" if may_fine_tune else "before the evaluation"
    return f"It would need {seconds:.0f} s more, and {allowed:.0f} s are left {purpose}."


def _compare(before: PortfolioCandidate | None, accuracy: float) -> str:
    if before is None or before.accuracy is None:
        return "It was the first."
    if accuracy > before.accuracy.value:
        return f"It is better than {before.architecture}, the best before it."
    return f"It is not better than {before.architecture}, the best before it."
