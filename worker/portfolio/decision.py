"""Decide how the best candidate is trained: by its solved head alone, or by fine-tuning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from app.advice.schemas import Proportion
from app.errors import BudgetTooSmall
from app.jobs.portfolio_schemas import FineTuning, FineTuningTrial, StopReason
from app.ml.models.catalogue import ArchitectureSpec
from app.ml.recipe import Recipe
from worker.advice.decision import SATURATED_ACCURACY
from worker.portfolio.curve import measure_curve
from worker.portfolio.explanation import (
    explain_accurate_enough,
    explain_candidates,
    explain_fine_tuning,
    explain_no_gain,
    explain_no_time,
    explain_stopped,
)
from worker.portfolio.journal import Journal
from worker.portfolio.plan import (
    MAX_EPOCHS,
    can_compare,
    count_fewest_epochs,
    plan_epochs,
    plan_trial,
    would_pay,
)
from worker.portfolio.results import CandidateResult
from worker.portfolio.trial import HELD_OUT_SHARE, EpochCost, estimate_epoch, run_trial
from worker.training.evaluation.expected_accuracy import (
    add_gain,
    extrapolate,
    measure_exponent,
    scale_gain,
)
from worker.training.feed import Splits
from worker.training.setup import TrainingContext

_CURVE_SHARE = 0.15
"""Share of the rest of the budget that a point of the learning curve may take."""

_RIVAL_ERRORS = 1.5
"""A candidate with more errors than these times those of the best is not compared with it."""


@dataclass
class Refusal(Exception):
    """Fine-tuning is not done, and why."""

    reason: StopReason
    sentence: str


@dataclass(frozen=True)
class _Tuning:
    """A candidate with its recipe of fine-tuning, the cost, and what a trial brought."""

    result: CandidateResult
    recipe: Recipe
    cost: EpochCost
    trial: FineTuningTrial | None = None

    @property
    def trial_seconds(self) -> float:
        """Return the seconds of a trial with all epochs of the recipe."""
        share = 1 - HELD_OUT_SHARE
        return self.cost.setup + share * self.recipe.epochs * self.cost.epoch

    @property
    def longest_seconds(self) -> float:
        """Return the seconds of the longest training that is planned."""
        return self.cost.setup + MAX_EPOCHS * self.cost.epoch


class TrainingDecision:
    """Decides between the solved head of the best candidate and fine-tuning, and of which.

    results: the best candidates, the best first. adapt: returns the recipe of fine-tuning; None
    where the request asks for a head alone. is_forced: the request asks for fine-tuning, whatever
    it is expected to bring.
    """

    def __init__(  # noqa: PLR0913 -- each is one thing the caller knows
        self,
        context: TrainingContext,
        splits: Splits,
        journal: Journal,
        results: Sequence[CandidateResult],
        *,
        adapt: Callable[[ArchitectureSpec], Recipe] | None,
        is_forced: bool,
        should_stop: Callable[[], bool],
    ) -> None:
        self._context = context
        self._splits = splits
        self._journal = journal
        self.chosen, *self._others = results
        self._adapt = adapt
        self._is_forced = is_forced
        self._should_stop = should_stop

    def plan(self, search_reason: StopReason) -> Recipe:
        """Return the recipe of fine-tuning; raises Refusal where the solved head is kept.

        search_reason: why no further candidate was tried. Raises BudgetTooSmall where fine-tuning
        is requested and no epoch fits.
        """
        self.measure_curve()
        if self._adapt is None:
            raise Refusal(search_reason, "")
        self._refuse_needless()
        tuning = self._try(self._estimate(self.chosen, self._adapt))
        expected = tuning.trial and self._expect(tuning.trial)
        cost, left = tuning.cost, self._left()
        epochs = plan_epochs(left, cost.epoch, cost.setup)
        if epochs == 0:
            raise self._refuse_time(cost, left)
        self._journal.change(
            fine_tuning=FineTuning(
                epochs=epochs,
                expected_seconds=cost.setup + epochs * cost.epoch,
                expected_accuracy=expected,
                started_at_seconds=self._journal.clock.used(),
            )
        )
        opening = explain_candidates(self._journal.portfolio)
        sentence = explain_fine_tuning(
            self._journal.portfolio,
            epochs=epochs,
            is_longest=epochs == MAX_EPOCHS,
            is_forced=self._is_forced,
        )
        # The budget says when to stop, and the learning rate is planned to reach zero then.
        recipe = tuning.recipe.model_copy(update={"epochs": epochs, "early_stopping": None})
        self._journal.decide(
            recipe,
            explanation=f"{opening} {sentence}",
            expected_accuracy=expected or self._expect_of_head(),
            reserved_seconds=self.chosen.evaluation.of_fine_tuned,
        )
        return recipe

    def keep_head(self, refusal: Refusal) -> Recipe:
        """Record that the solved head is kept; return its recipe, with the strengths solved for."""
        result = self.chosen
        strengths = tuple(one.l2_strength for one in result.heads.balance.solutions)
        solver = result.solver.model_copy(update={"l2_strengths": strengths})
        head = result.recipe.model_copy(update={"optimizer": solver, "epochs": len(strengths)})
        opening = explain_candidates(self._journal.portfolio)
        self._journal.decide(
            head,
            stop_reason=refusal.reason,
            explanation=f"{opening} {refusal.sentence}".strip(),
            expected_accuracy=self._expect_of_head(),
            reserved_seconds=self.chosen.evaluation.of_head,
        )
        return head

    def choose(self, result: CandidateResult) -> None:
        """Choose another candidate, which turned out to be better."""
        self.chosen = result
        self._journal.change(chosen=result.architecture.name)
        self.measure_curve()

    def _left(self) -> float:
        return max(self._journal.clock.left() - self.chosen.evaluation.of_fine_tuned, 0.0)

    def measure_curve(self) -> None:
        """Measure the learning curve of the candidate's head, as far as there is time."""
        if self._should_stop():
            return
        num_classes = len(self._context.config.class_names)
        points = []
        for point in measure_curve(self.chosen, num_classes, lambda: _CURVE_SHARE * self._left()):
            points.append(point)
            self._journal.change(learning_curve=list(points))

    def _expect_of_head(self) -> Proportion:
        """Return the head's accuracy, extrapolated to all training images as far as it can be."""
        accuracy = self.chosen.accuracy
        curve = self._journal.portfolio.learning_curve
        if len(curve) < 2:  # noqa: PLR2004 -- a slope needs two points
            return accuracy
        fewer, last = curve[-2:]
        exponent = measure_exponent(
            accuracy.value,
            with_fewer=fewer.accuracy.value,
            growth=last.num_images / fewer.num_images,
        )
        folds = self.chosen.solver.folds
        return extrapolate(accuracy, exponent, growth=folds / (folds - 1))

    def _refuse_needless(self) -> None:
        if self._should_stop():
            raise Refusal("stopped", explain_stopped())
        if not self._is_forced and self.chosen.accuracy.value >= SATURATED_ACCURACY:
            raise Refusal("accurate_enough", explain_accurate_enough(self.chosen.accuracy.value))

    def _expect(self, trial: FineTuningTrial) -> Proportion:
        """Return the accuracy that is expected after fine-tuning."""
        expected = self._expect_of_head()
        gain = scale_gain(trial.gain, measured_on=trial.head_accuracy, accuracy=expected.value)
        return add_gain(expected, gain)

    def _estimate(
        self, result: CandidateResult, adapt: Callable[[ArchitectureSpec], Recipe]
    ) -> _Tuning:
        """Estimate what fine-tuning a candidate costs; raises Refusal where it does not fit."""
        recipe = adapt(result.architecture)
        try:
            cost = estimate_epoch(self._context, self._splits, result, recipe)
        except (MemoryError, torch.OutOfMemoryError):
            if self._is_forced:
                raise
            message = (
                f"A batch of {recipe.batch_size} images does not fit in memory for fine-tuning."
            )
            raise Refusal("fine_tuning_would_not_pay", message) from None
        return _Tuning(result, recipe, cost)

    def _try(self, tuning: _Tuning) -> _Tuning:
        """Try fine-tuning if there is time, also of other candidates; return the best."""
        if self._is_forced:
            return tuning
        left, cost = self._left(), tuning.cost
        num_images = int((1 - HELD_OUT_SHARE) * len(self._splits.train))
        fewest = count_fewest_epochs(num_images, tuning.recipe.batch_size)
        if plan_epochs(left, cost.epoch, cost.setup) < fewest:
            raise self._refuse_time(cost, left, fewest)
        rivals = self._list_rivals(tuning)
        epochs = (
            tuning.recipe.epochs
            if rivals
            else plan_trial(left, cost.epoch, cost.setup, fewest=fewest)
        )
        if epochs == 0:  # the time is there, and a loss is impossible
            return tuning
        tuning = self._run_trial(tuning, epochs)
        trial = tuning.trial
        if trial is None:
            self._refuse_needless()
            if self._left() == 0:
                raise self._refuse_time(tuning.cost, 0.0)
            raise Refusal(
                "fine_tuning_would_not_pay", "Fine-tuning diverged in a trial, so the head is kept."
            )
        self._journal.change(trial=trial)
        if self._should_stop():
            raise Refusal("stopped", explain_stopped())
        if not would_pay(trial.gain):
            raise Refusal("fine_tuning_would_not_pay", explain_no_gain(trial))
        return self._compare(tuning, rivals)

    def _list_rivals(self, tuning: _Tuning) -> list[_Tuning]:
        """List the candidates that there is time to compare with the best by whole trials.

        After a short trial, the network that will be better may still be behind.
        """
        compared = [tuning]
        errors = 1 - self.chosen.accuracy.value
        for result in self._others:
            is_near = 1 - result.accuracy.value <= _RIVAL_ERRORS * errors
            if not is_near or self._adapt is None or not self._can_run(compared, compared):
                continue
            try:
                rival = self._estimate(result, self._adapt)
            except Refusal:  # it does not fit in memory
                continue
            wanted = [*compared, rival]
            if self._can_run(wanted, wanted):
                compared = wanted
        return compared[1:]

    def _can_run(self, trials: Sequence[_Tuning], trainings: Sequence[_Tuning]) -> bool:
        """Return whether whole trials take no time from the longest of the trainings."""
        return can_compare(
            self._left(),
            [one.trial_seconds for one in trials],
            [one.longest_seconds for one in trainings],
        )

    def _compare(self, first: _Tuning, rivals: Sequence[_Tuning]) -> _Tuning:
        """Try the rivals on the same images, and choose the candidate of the best trial."""
        tried = [first]
        for rival in rivals:
            if not self._can_run([rival], [*tried, rival]):  # the others took longer than expected
                continue
            tried.append(self._run_trial(rival, rival.recipe.epochs, reserve=first.longest_seconds))
            self._journal.change(other_trials=[one.trial for one in tried[1:] if one.trial])
            if self._should_stop():
                raise Refusal("stopped", explain_stopped())
        best = max(tried, key=lambda one: one.trial.accuracy if one.trial else 0.0)
        if best is not first:
            self.choose(best.result)
            others = [one.trial for one in tried if one.trial and one is not best]
            self._journal.change(trial=best.trial, other_trials=others)
        return best

    def _run_trial(self, tuning: _Tuning, epochs: int, reserve: float = 0.0) -> _Tuning:
        """Run a trial that ends without a result where no more than the reserve would be left."""
        trial, cost = run_trial(
            self._context,
            self._splits,
            tuning.result,
            tuning.recipe,
            epochs=epochs,
            started_at_seconds=self._journal.clock.used(),
            should_stop=lambda: self._should_stop() or self._left() <= reserve,
        )
        return replace(tuning, trial=trial, cost=cost)

    def _refuse_time(self, cost: EpochCost, left: float, epochs: int = 1) -> Exception:
        needed = cost.setup + epochs * cost.epoch
        if self._is_forced:
            return BudgetTooSmall(
                f"Fine-tuning {self.chosen.architecture.name} for one epoch needs about "
                f"{needed:.0f} s, and {left:.0f} s of the budget are left. Raise "
                'time_budget_seconds, or use "strategy": "auto".'
            )
        return Refusal("budget_used", explain_no_time(needed, left, epochs))
