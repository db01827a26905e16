"""Whole trials of several candidates, of which the best is fine-tuned."""

from typing import Any

import pytest

from app.jobs.portfolio_schemas import FineTuningTrial
from app.ml.models import checkpoint
from app.storage import LocalStorage
from tests.unit.portfolio.conftest import NETWORKS, Child, Killed, Search, execute
from worker.portfolio.plan import MAX_TRIAL_EPOCHS
from worker.portfolio.trial import EpochCost, run_trial
from worker.protocol import Decided, Message, PortfolioChanged, Started


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Real trials, of which those of these architectures get these accuracies."""
    accuracies: dict[str, float] = {}

    def run_and_replace(*args: Any, **kwargs: Any) -> tuple[FineTuningTrial | None, EpochCost]:
        trial, cost = run_trial(*args, **kwargs)
        name = args[2].architecture.name
        if trial is not None and name in accuracies:
            trial = trial.model_copy(update={"accuracy": accuracies[name]})
        return trial, cost

    monkeypatch.setattr("worker.portfolio.decision.run_trial", run_and_replace)
    monkeypatch.setattr("worker.portfolio.decision.would_pay", lambda _: True)
    monkeypatch.setattr("worker.portfolio.decision.plan_epochs", lambda *_: 3)
    monkeypatch.setattr("worker.portfolio.decision._RIVAL_ERRORS", 100.0)
    return accuracies


@pytest.mark.parametrize("wins", ["squeezenet1_0", "shufflenet_v2_x0_5"])
def test_the_candidate_of_the_best_whole_trial_is_fine_tuned(
    search: Search, storage: LocalStorage, tried: dict[str, float], wins: str
) -> None:
    tried |= dict.fromkeys(NETWORKS, 0.5) | {wins: 0.75}
    config = search()
    child = execute(config, Child())
    portfolio = child.portfolio
    trial, (other,) = portfolio.trial, portfolio.other_trials
    assert trial is not None
    assert (portfolio.chosen, trial.architecture) == (wins, wins)
    assert {trial.architecture, other.architecture} == NETWORKS.keys()
    assert trial.epochs == other.epochs == config.recipes["fine_tune"].epochs
    assert trial.num_held_out_images == other.num_held_out_images
    best = max(portfolio.candidates, key=lambda one: one.accuracy.value if one.accuracy else 0.0)
    assert portfolio.explanation.startswith(f"{best.architecture} was the best of 2 backbones")
    assert f"reached 0.750 with {wins}, and 0.500 with {other.architecture}. Fine" in (
        portfolio.explanation
    )
    assert f"changed the accuracy of {wins} by" in portfolio.explanation
    (chosen,) = [one for one in portfolio.candidates if one.architecture == wins]
    assert portfolio.learning_curve[-1].accuracy == chosen.accuracy
    assert checkpoint.load(storage.path(child.trained.model_key)).header.architecture == wins
    start = child.list_of(Started)[0].resolved.head_start
    assert start.l2_strength == chosen.l2_strength


@pytest.mark.parametrize(
    ("setting", "value"), [("can_compare", lambda *_: False), ("_RIVAL_ERRORS", 0.0)]
)
def test_without_time_or_a_near_rival_there_is_one_short_trial(
    search: Search,
    tried: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: object,
) -> None:
    monkeypatch.setattr(f"worker.portfolio.decision.{setting}", value)
    portfolio = execute(search(), Child()).portfolio
    assert portfolio.trial is not None
    assert portfolio.trial.epochs == MAX_TRIAL_EPOCHS
    assert (portfolio.trial.architecture, portfolio.other_trials) == (portfolio.chosen, [])
    assert not tried


def test_a_stop_during_the_comparison_keeps_the_best_head(
    search: Search, tried: dict[str, float]
) -> None:
    tried |= dict.fromkeys(NETWORKS, 1.0)
    child = Child()

    def should_stop() -> bool:
        changes = child.list_of(PortfolioChanged)
        return bool(changes and changes[-1].portfolio.other_trials)

    portfolio = execute(search(), child, should_stop).portfolio
    best = max(portfolio.candidates, key=lambda one: one.accuracy.value if one.accuracy else 0.0)
    assert portfolio.trial is not None
    assert portfolio.chosen == portfolio.trial.architecture == best.architecture
    assert portfolio.stop_reason == "stopped"
    (decided,) = child.list_of(Decided)
    assert (decided.recipe.strategy, decided.recipe.architecture) == (
        "feature_extract",
        best.architecture,
    )


def test_a_killed_comparison_is_not_half_remembered(
    search: Search, tried: dict[str, float]
) -> None:
    tried |= dict.fromkeys(NETWORKS, 0.5)

    def has_compared(message: Message) -> bool:
        return isinstance(message, PortfolioChanged) and bool(message.portfolio.other_trials)

    config = search()
    killed = Child(has_compared)
    with pytest.raises(Killed):
        execute(config, killed)
    stored = killed.portfolio
    assert stored.other_trials
    portfolio = execute(config.model_copy(update={"portfolio": stored}), Child()).portfolio
    assert portfolio.other_trials == []
    assert portfolio.trial is not None
    assert portfolio.trial.architecture == portfolio.chosen
