"""Whole searches on a small real dataset, with two small architectures and random weights."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.advice.schemas import Proportion
from app.errors import BudgetTooSmall, WeightsUnavailable
from app.jobs.portfolio_schemas import LearningCurvePoint, Portfolio
from app.ml.models import checkpoint
from app.ml.models.lite0_package import LITE0
from app.storage import LocalStorage
from tests.unit.portfolio.conftest import NETWORKS, ONE, Child, Killed, Search, execute
from worker.portfolio.candidates import list_candidates
from worker.portfolio.results import CandidateResult
from worker.portfolio.run import run
from worker.protocol import (
    Decided,
    EpochsDone,
    Message,
    PortfolioChanged,
    Started,
    TrainProgress,
)
from worker.training.config import Resume
from worker.training.run import run as train


def test_the_best_head_becomes_the_model(search: Search, storage: LocalStorage) -> None:
    child = execute(search(strategy="feature_extract"), Child())
    portfolio = child.portfolio
    assert {one.architecture for one in portfolio.candidates} == NETWORKS.keys()
    assert {one.state for one in portfolio.candidates} == {"tried"}
    accuracies = {
        one.architecture: one.accuracy.value for one in portfolio.candidates if one.accuracy
    }
    assert portfolio.chosen == max(accuracies, key=lambda name: accuracies[name])
    assert portfolio.candidates[0].expected_accuracy is None
    assert portfolio.candidates[1].expected_accuracy is not None
    assert [one.num_images for one in portfolio.learning_curve] == [6, 12, 24]
    assert portfolio.num_without_weights > 50
    assert (portfolio.stop_reason, portfolio.trial, portfolio.fine_tuning) == (
        "all_tried",
        None,
        None,
    )
    assert portfolio.explanation.startswith(f"{portfolio.chosen} was the best of 2 backbones")
    header = checkpoint.load(storage.path(child.trained.model_key)).header
    assert header.architecture == portfolio.chosen
    settled = [one.settled for one in child.list_of(PortfolioChanged) if one.settled is not None]
    assert settled == [0, 1]
    used = [one.budget_used_seconds for one in child.list_of(TrainProgress)]
    assert used
    assert child.list_of(TrainProgress)[0].epochs is None
    assert used == sorted(used)


@pytest.mark.parametrize("num_more", [0, 60], ids=["equal classes", "unequal classes"])
def test_a_head_is_the_one_of_an_ordinary_job(search: Search, num_more: int) -> None:
    """The search changes when things are computed, not what is computed."""
    config = search(num_more, strategy="feature_extract", **ONE)
    searched = execute(config, Child())
    ordinary = Child()
    (decided,) = searched.list_of(Decided)
    training = config.training.model_copy(update={"recipe": decided.recipe})
    train(training, should_stop=lambda: False, send=ordinary.send)
    rows = [
        [(row.val_loss, row.val_accuracy) for one in child.list_of(EpochsDone) for row in one.rows]
        for child in (searched, ordinary)
    ]
    assert rows[0] == pytest.approx(rows[1])
    assert searched.trained.best_epoch == ordinary.trained.best_epoch
    resolved = [child.list_of(Started)[0].resolved.class_balance for child in (searched, ordinary)]
    assert resolved[0] == resolved[1]
    assert resolved[0] is not None
    assert resolved[0].imbalance == (12 + num_more) / 12


def test_the_expected_accuracy_counts_classes_as_validation_does(search: Search) -> None:
    """Validation has as many images of either class, training six times as many of the first."""
    child = execute(search(60, strategy="feature_extract", **ONE), Child())
    (candidate,) = child.portfolio.candidates
    balance = child.list_of(Started)[0].resolved.class_balance
    assert candidate.accuracy is not None
    figures = balance and (
        balance.with_weights if balance.chosen == "loss" else balance.without_weights
    )
    assert figures is not None
    assert candidate.accuracy.value == pytest.approx(figures.cv_balanced_accuracy)
    assert abs(candidate.accuracy.value - figures.cv_accuracy) > 0.02
    assert child.portfolio.learning_curve[-1].accuracy == candidate.accuracy


def test_the_expected_accuracy_is_extrapolated_to_all_training_images(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error falls with the root of the number of images; a fold has four fifths of them."""

    def measure_curve(result: CandidateResult, *_: object) -> Iterator[LearningCurvePoint]:
        accuracy = result.accuracy.value
        for num_images, error in ((12, 2**0.5 * (1 - accuracy)), (24, 1 - accuracy)):
            share = Proportion(value=1 - error, low=0.0, high=1.0)
            yield LearningCurvePoint(num_images=num_images, accuracy=share)

    monkeypatch.setattr("worker.portfolio.decision.measure_curve", measure_curve)
    portfolio = execute(search(strategy="feature_extract", **ONE), Child()).portfolio
    accuracy, expected = portfolio.candidates[0].accuracy, portfolio.expected_accuracy
    assert accuracy is not None
    assert expected is not None
    assert accuracy.value < 0.9
    assert 1 - expected.value == pytest.approx(0.8**0.5 * (1 - accuracy.value))
    assert expected.high <= 1


def test_requested_fine_tuning_starts_from_the_solved_head(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.portfolio.decision.plan_epochs", lambda *_: 2)
    child = execute(search(strategy="fine_tune"), Child())
    (decided,) = child.list_of(Decided)
    assert (decided.recipe.strategy, decided.recipe.epochs) == ("fine_tune", 2)
    assert decided.recipe.head_start == "linear_probe"
    fine_tuning = child.portfolio.fine_tuning
    assert fine_tuning is not None
    assert fine_tuning.epochs == 2
    assert fine_tuning.best_epoch == child.trained.best_epoch
    assert fine_tuning.accuracy is not None
    assert child.trained.report is not None
    assert fine_tuning.accuracy.value == child.trained.report.accuracy
    assert child.portfolio.trial is None
    assert "Fine-tuning was requested." in child.portfolio.explanation
    assert child.portfolio.stop_reason == "budget_used"
    assert [row.epoch for one in child.list_of(EpochsDone) for row in one.rows] == [1, 2]


def test_a_trial_decides_on_fine_tuning(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.portfolio.decision.plan_epochs", lambda *_: 3)
    monkeypatch.setattr("worker.portfolio.decision.would_pay", lambda _: True)
    config = search(**ONE)
    child = execute(config, Child())
    trial = child.portfolio.trial
    assert trial is not None
    assert (trial.num_train_images, trial.num_held_out_images) == (20, 4)
    assert trial.gain.value == pytest.approx(trial.accuracy - trial.head_accuracy)
    fine_tuning = child.portfolio.fine_tuning
    assert fine_tuning is not None
    assert fine_tuning.expected_accuracy is not None
    assert child.portfolio.expected_accuracy == fine_tuning.expected_accuracy

    monkeypatch.setattr("worker.portfolio.decision.would_pay", lambda _: False)
    child = execute(config, Child())
    assert child.portfolio.stop_reason == "fine_tuning_would_not_pay"
    assert child.portfolio.fine_tuning is None
    (decided,) = child.list_of(Decided)
    assert decided.recipe.strategy == "feature_extract"


def test_fine_tuning_ends_when_the_budget_does(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here every epoch takes longer than the whole budget."""
    monkeypatch.setattr("worker.portfolio.decision.plan_epochs", lambda *_: 20)
    monkeypatch.setattr("worker.training.progress._SECONDS_BETWEEN", 0.0)
    clock = {"now": 0.0}

    def send(message: Message) -> None:
        child.send(message)
        if isinstance(message, Decided):
            clock["now"] += 3595

    child = Child()
    config = search(strategy="fine_tune", **ONE)
    run(config, should_stop=lambda: False, send=send, now=lambda: clock["now"])
    epochs = [row.epoch for one in child.list_of(EpochsDone) for row in one.rows]
    assert epochs == list(range(1, 21))  # epochs that take no time all fit
    assert child.portfolio.stop_reason == "budget_used"

    def tick(message: Message) -> None:
        child.send(message)
        if isinstance(message, TrainProgress) and message.stage == "training":
            clock["now"] += 1000

    child = Child()
    run(config, should_stop=lambda: False, send=tick, now=lambda: clock["now"])
    epochs = [row.epoch for one in child.list_of(EpochsDone) for row in one.rows]
    assert 1 <= len(epochs) < 20
    assert "epochs took longer than planned" in child.portfolio.explanation
    assert child.trained.best_epoch in {0, *epochs}


@pytest.mark.parametrize(("affordable", "is_tuned"), [(2, False), (3, True)])
def test_without_a_trial_fine_tuning_needs_epochs_that_show_a_gain(
    search: Search, monkeypatch: pytest.MonkeyPatch, affordable: int, *, is_tuned: bool
) -> None:
    """An epoch has three steps here, so fewer than three epochs show no gain."""
    monkeypatch.setattr("worker.portfolio.decision.plan_trial", lambda *_, **__: 0)
    monkeypatch.setattr("worker.portfolio.decision.plan_epochs", lambda *_: affordable)
    portfolio = execute(search(**ONE), Child()).portfolio
    assert portfolio.trial is None
    if is_tuned:
        assert portfolio.fine_tuning is not None
        assert portfolio.fine_tuning.epochs == 3
        assert "There was no time for a trial of fine-tuning" in portfolio.explanation
    else:
        assert portfolio.fine_tuning is None
        assert portfolio.stop_reason == "budget_used"
        assert "Fine-tuning for 3 epochs would need" in portfolio.explanation


@pytest.mark.parametrize("num_more", [0, 60], ids=["equal classes", "unequal classes"])
def test_solving_ends_when_the_budget_does(
    search: Search, num_more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.training.progress._SECONDS_BETWEEN", 0)  # report each image
    clock = {"now": 0.0}

    def send(message: Message) -> None:
        child.send(message)
        if isinstance(message, TrainProgress) and message.stage.startswith("decoding images for"):
            clock["now"] = 3599

    child = Child()
    config = search(num_more, strategy="feature_extract", **ONE)
    run(config, should_stop=lambda: False, send=send, now=lambda: clock["now"])
    (candidate,) = child.portfolio.candidates
    assert candidate.reason == (
        "It was the first. Heads were solved for 1 of 2 L2 strengths, because the budget was used "
        "up."
    )
    assert candidate.l2_strength == 0.1, "the middle of (1.0, 0.1) comes first"
    assert child.portfolio.stop_reason == "budget_used"
    assert [row.epoch for one in child.list_of(EpochsDone) for row in one.rows] == [1]
    assert child.trained.model_key


def test_a_stop_makes_the_best_head_so_far_the_model(search: Search) -> None:
    child = execute(search(), Child(), should_stop=lambda: True)
    assert [one.state for one in child.portfolio.candidates] == ["tried"]
    assert child.portfolio.stop_reason == "stopped"
    assert "stopped" in child.portfolio.explanation
    assert child.trained.model_key


def test_a_killed_search_goes_on_after_its_settled_candidates(search: Search) -> None:
    config = search(strategy="feature_extract")

    def is_second(message: Message) -> bool:
        if not isinstance(message, PortfolioChanged):
            return False
        states = [one.state for one in message.portfolio.candidates]
        return states == ["tried", "running"]

    undisturbed = execute(config, Child())
    killed = Child(is_second)
    with pytest.raises(Killed):
        execute(config, killed)
    stored = killed.portfolio
    child = execute(config.model_copy(update={"portfolio": stored}), Child())
    assert child.portfolio.candidates[0] == stored.candidates[0]
    assert [one.settled for one in child.list_of(PortfolioChanged) if one.settled is not None] == [
        1
    ]
    assert child.portfolio.used_seconds > stored.used_seconds
    assert child.portfolio.chosen == undisturbed.portfolio.chosen
    assert child.trained.best_epoch == undisturbed.trained.best_epoch
    assert child.trained.report is not None
    assert undisturbed.trained.report is not None
    assert child.trained.report.accuracy == undisturbed.trained.report.accuracy


def test_killed_fine_tuning_goes_on_with_its_recipe(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.portfolio.decision.plan_epochs", lambda *_: 3)
    config = search(strategy="fine_tune", **ONE)
    config = config.model_copy(
        update={"training": config.training.model_copy(update={"keep_every_seconds": 0.0})}
    )
    killed = Child(lambda message: isinstance(message, EpochsDone))
    with pytest.raises(Killed):
        execute(config, killed)
    (decided,) = killed.list_of(Decided)
    done = killed.list_of(EpochsDone)[-1]
    resume = Resume(epoch=done.rows[-1].epoch, state_key=done.state_key)
    training = config.training.model_copy(update={"recipe": decided.recipe, "resume": resume})
    again = config.model_copy(
        update={"training": training, "is_decided": True, "portfolio": killed.portfolio}
    )
    child = execute(again, Child())
    assert child.list_of(Decided) == []
    assert [row.epoch for one in child.list_of(EpochsDone) for row in one.rows] == [2, 3]
    assert child.portfolio.fine_tuning is not None
    assert child.portfolio.fine_tuning.best_epoch == child.trained.best_epoch


def test_a_budget_of_no_time_is_too_small(search: Search) -> None:
    config = search()
    short = Portfolio(job_id="job_1", time_budget_seconds=30, used_seconds=29)
    with pytest.raises(BudgetTooSmall, match="time_budget_seconds"):
        execute(config.model_copy(update={"portfolio": short}), Child())


def test_a_network_of_timm_is_tried_where_its_weights_are(
    search: Search, lite0_package: pytest.MonkeyPatch
) -> None:
    without = [one.name for one in list_candidates(search(), 2).architectures]
    lite0_package.undo()
    found = [one.name for one in list_candidates(search(), 2).architectures]
    assert found == [*without, LITE0]


def test_without_weights_there_is_nothing_to_search(search: Search, tmp_path: Path) -> None:
    config = search()
    empty = config.training.model_copy(update={"weights_dir": tmp_path / "none"})
    with pytest.raises(WeightsUnavailable, match="GRAFT_WEIGHTS_DIR"):
        execute(config.model_copy(update={"training": empty}), Child())
    limited = search(max_parameters=1000)
    with pytest.raises(WeightsUnavailable, match="1000 parameters"):
        execute(limited, Child())
