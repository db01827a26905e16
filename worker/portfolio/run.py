"""Train a job within its time budget: search, decide, then train the decided recipe."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.advice.schemas import Proportion
from app.jobs.portfolio_schemas import StopReason
from app.ml.models.catalogue import get_architecture
from app.ml.recipe import Recipe
from app.ml.trust.intervals import wilson_interval
from worker.portfolio.backbones import BackboneRunner
from worker.portfolio.candidates import list_candidates, make_adapter
from worker.portfolio.clock import BudgetClock
from worker.portfolio.config import PortfolioConfig
from worker.portfolio.decision import Refusal, TrainingDecision
from worker.portfolio.explanation import explain_outcome
from worker.portfolio.journal import Journal
from worker.portfolio.plan import MAX_EPOCHS
from worker.portfolio.results import CandidateResult
from worker.portfolio.search import CandidateSearch
from worker.protocol import Message, Started, Trained, TrainProgress
from worker.training.balance import SolvedHeads
from worker.training.config import Resume
from worker.training.data import plan_batches
from worker.training.distributed import SINGLE_PROCESS
from worker.training.feed import list_splits
from worker.training.progress import ProgressReporter
from worker.training.run import open_context
from worker.training.run import run as train

Send = Callable[[Message], None]

_LEAVES_TIME: frozenset[StopReason] = frozenset({"budget_used", "fine_tuning_would_not_pay"})
"""Reasons against fine-tuning after which the rest of the budget may serve other candidates."""


def run(
    config: PortfolioConfig,
    *,
    should_stop: Callable[[], bool],
    send: Send,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Find the best model within the budget, and store it.

    A job whose recipe was decided by an earlier attempt goes on with its training. Raises
    GraftError for every expected failure.
    """
    portfolio = config.portfolio
    clock = BudgetClock(portfolio.time_budget_seconds, portfolio.used_seconds, now)

    def send_stamped(message: Message) -> None:
        if isinstance(message, TrainProgress):
            changes = {"budget_used_seconds": clock.used(), "epochs": message.epochs or None}
            message = message.model_copy(update=changes)
        send(message)

    journal = Journal(portfolio, clock, send_stamped)
    training, solved = config.training, None
    if not config.is_decided:
        decided = _search(config, journal, should_stop=should_stop, send=send_stamped)
        training = training.model_copy(update={"recipe": decided.recipe})
        solved = decided.solved
    finish = _Finish(journal, should_stop, send_stamped, training.resume)
    train(
        training,
        should_stop=finish.should_end if journal.portfolio.fine_tuning else lambda: False,
        send=finish.send,
        solved=solved,
    )


@dataclass(frozen=True)
class _Decided:
    recipe: Recipe
    solved: SolvedHeads


def _search(
    config: PortfolioConfig, journal: Journal, *, should_stop: Callable[[], bool], send: Send
) -> _Decided:
    training = config.training
    progress = ProgressReporter(send, 0)
    with open_context(training, SINGLE_PROCESS, progress) as context:
        splits = list_splits(training, context.storage)
        smallest_batch = min(plan_batches(len(splits.train), training.recipe.batch_size))
        found = list_candidates(config, smallest_batch)
        best_before = journal.best and journal.best.architecture
        journal.change(  # the trials of an earlier attempt are run again
            num_without_weights=found.num_without_weights,
            chosen=best_before,
            trial=None,
            other_trials=[],
        )
        runner = BackboneRunner(context, splits, make_adapter(config, "feature_extract"))
        search = CandidateSearch(
            found.architectures,
            runner,
            journal,
            may_fine_tune="fine_tune" in config.recipes,
            should_stop=should_stop,
        )
        result = search.run()
        best = result.best or _run_again(runner, journal)
        adapt = make_adapter(config, "fine_tune") if "fine_tune" in config.recipes else None
        decision = TrainingDecision(
            context,
            splits,
            journal,
            [best, *result.others],
            adapt=adapt,
            is_forced=config.strategy == "fine_tune",
            should_stop=should_stop,
        )
        try:
            recipe = decision.plan(result.reason)
        except Refusal as refusal:
            if adapt is not None and refusal.reason in _LEAVES_TIME:
                better = search.use_rest().best
                if better is not None and better is not best:
                    decision.choose(better)
            recipe = decision.keep_head(refusal)
        return _Decided(recipe, decision.chosen.heads)


def _run_again(runner: BackboneRunner, journal: Journal) -> CandidateResult:
    """Run the best candidate of an earlier attempt again: its features are not stored."""
    if journal.best is None:
        raise AssertionError("a search ends with a candidate")
    runner.measure(get_architecture(journal.best.architecture))
    reserve = journal.portfolio.reserved_seconds or 0.0
    return runner.run(lambda seconds: journal.clock.left() - reserve > seconds, is_first=True)


class _Finish:
    """Ends fine-tuning within the budget, and records at the end what came out."""

    def __init__(
        self,
        journal: Journal,
        should_stop: Callable[[], bool],
        send: Send,
        resume: Resume | None,
    ) -> None:
        self._epoch = resume.epoch if resume else 0
        self._journal = journal
        self._should_stop = should_stop
        self._send = send
        self._last_epoch_at = journal.clock.used()
        self._head_accuracy: float | None = None
        self._is_stopped = False
        self._is_cut = False

    def should_end(self) -> bool:
        """Return whether fine-tuning has to end after the epoch that has just ended."""
        used = self._journal.clock.used()
        epoch_seconds = used - self._last_epoch_at
        self._last_epoch_at = used
        self._epoch += 1
        self._is_stopped = self._should_stop()
        reserved = self._journal.portfolio.reserved_seconds or 0.0
        planned = self._journal.portfolio.fine_tuning
        is_over = self._journal.clock.left() - reserved < epoch_seconds
        self._is_cut = is_over and planned is not None and self._epoch < planned.epochs
        return self._is_stopped or self._is_cut

    def send(self, message: Message) -> None:
        """Pass a message of the training on; before the last one, record the outcome."""
        if isinstance(message, Started):
            self._last_epoch_at = self._journal.clock.used()
            start = message.resolved.head_start
            self._head_accuracy = start.val_accuracy if start else None
        if isinstance(message, Trained):
            self._record(message)
        self._send(message)

    def _record(self, trained: Trained) -> None:
        portfolio, report = self._journal.portfolio, trained.report
        planned = portfolio.fine_tuning
        if planned is None or report is None:
            self._journal.change(stop_reason=portfolio.stop_reason)
            return
        accuracy = report.accuracy
        low, high = wilson_interval(accuracy, report.num_images)
        ended = planned.model_copy(
            update={
                "used_seconds": self._journal.clock.used() - planned.started_at_seconds,
                "best_epoch": trained.best_epoch,
                "accuracy": Proportion(value=accuracy, low=low, high=high),
            }
        )
        outcome = explain_outcome(
            trained.best_epoch,
            before=self._head_accuracy,
            after=accuracy,
            is_stopped=self._is_stopped,
            is_cut=self._is_cut,
        )
        self._journal.change(
            fine_tuning=ended,
            stop_reason=self._find_reason(planned.epochs),
            explanation=f"{portfolio.explanation} {outcome}",
        )

    def _find_reason(self, planned_epochs: int) -> StopReason:
        if self._is_stopped:
            return "stopped"
        is_longest = planned_epochs == MAX_EPOCHS and not self._is_cut
        return "all_tried" if is_longest else "budget_used"
