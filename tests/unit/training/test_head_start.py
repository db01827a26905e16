"""A solved head with which a training begins is the first candidate for the best model."""

from dataclasses import dataclass

import pytest
import torch

from app.jobs.schemas import ResolvedHeadStart
from app.ml.models import checkpoint
from app.storage import LocalStorage
from tests.unit.training.conftest import SMALL_WITH_BATCH_NORM, MakeConfig, make_maker
from tests.unit.training.runs import (
    checkpoints_of,
    epochs_of,
    history_of,
    started,
    train,
    trained,
)
from worker.protocol import EpochRow, Message
from worker.training.config import Resume

pytestmark = pytest.mark.usefixtures("quick_probe")

PROBED: dict[str, object] = {
    "architecture": SMALL_WITH_BATCH_NORM,
    "strategy": "fine_tune",
    "head_start": "linear_probe",
    "batch_norm": "eval",
    "num_train": 24,
    "num_val": 17,
}

RUINOUS: dict[str, object] = {
    **PROBED,
    "epochs": 3,
    "optimizer": {"name": "sgd", "learning_rate": 0.3, "momentum": 0.0},
    "clip_norm": 0.5,
    "augmentation": {"name": "none"},
    "scheduler": {"name": "constant"},
    "seed": 1,
}
"""Steps so long that no epoch is better than the solved head."""


@dataclass(frozen=True)
class Ruined:
    """A finished job of the ruinous recipe, and what makes other jobs beside it."""

    make_config: MakeConfig
    storage: LocalStorage
    said: list[Message]


@pytest.fixture(scope="module")
def ruined(tmp_path_factory: pytest.TempPathFactory, quick_probe: None) -> Ruined:  # noqa: ARG001
    folder = tmp_path_factory.mktemp("ruined")
    storage = LocalStorage(folder / "storage")
    make_config = make_maker(storage, folder)
    return Ruined(make_config, storage, train(make_config(**RUINOUS)))


def is_better(row: EpochRow, start: ResolvedHeadStart) -> bool:
    assert start.val_accuracy is not None
    assert start.val_loss is not None
    return (row.val_accuracy, -row.val_loss) > (start.val_accuracy, -start.val_loss)


@pytest.mark.parametrize("ema", [None, {"decay": 0.5}])
def test_a_solved_head_that_no_epoch_beats_is_stored(
    ruined: Ruined, ema: dict[str, float] | None
) -> None:
    said = ruined.said
    if ema is not None:
        averaged = RUINOUS | {"ema": ema, "config": {"key_prefix": "jobs/averaged"}}
        said = train(ruined.make_config(**averaged))
    start = started(said).resolved.head_start
    assert start is not None
    rows = epochs_of(said)
    assert [row.epoch for row in rows] == [1, 2, 3]
    assert not any(is_better(row, start) for row in rows), "the case needs this"
    assert not any(row.is_best for row in rows)
    assert trained(said).best_epoch == 0
    assert trained(said).report is not None
    assert trained(said).report.accuracy == pytest.approx(start.val_accuracy)  # type: ignore[union-attr]
    assert trained(said).report.balanced_accuracy == start.val_balanced_accuracy  # type: ignore[union-attr]
    assert start.val_balanced_accuracy != start.val_accuracy, "the case needs this"
    assert len({kept.best_key for kept in checkpoints_of(said)}) == 1


def test_the_stored_model_is_the_one_that_training_began_with(ruined: Ruined) -> None:
    still = RUINOUS | {"optimizer": {"name": "sgd", "learning_rate": 1e-30}, "epochs": 1}
    unmoved = train(ruined.make_config(**still, config={"key_prefix": "jobs/still"}))
    ours, theirs = (
        checkpoint.load(ruined.storage.path(trained(said).model_key)).tensors
        for said in (ruined.said, unmoved)
    )
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_an_epoch_that_beats_the_solved_head_is_the_best(make_config: MakeConfig) -> None:
    said = train(
        make_config(
            strategy="fine_tune",
            head="linear",
            head_start="linear_probe",
            num_train=4,
            num_val=20,
            seed=0,
            epochs=4,
            optimizer={"name": "adamw", "learning_rate": 3e-4},
            augmentation={"name": "none"},
        )
    )
    start = started(said).resolved.head_start
    assert start is not None
    better = [row for row in epochs_of(said) if is_better(row, start)]
    assert better, "the case needs an epoch that is better"
    best = max(row.epoch for row in better if row.is_best)
    assert trained(said).best_epoch == best
    assert not any(row.is_best for row in epochs_of(said) if row not in better)


@pytest.mark.parametrize("num_done", [1, 2])
def test_a_resumed_job_keeps_its_solved_head_as_the_best(ruined: Ruined, num_done: int) -> None:
    whole = ruined.said
    resume = Resume(epoch=num_done, state_key=checkpoints_of(whole)[num_done - 1].state_key)
    config = {"key_prefix": f"jobs/resumed/{num_done}", "resume": resume}
    rest = train(ruined.make_config(**RUINOUS, config=config))
    assert history_of(rest) == history_of(whole)[num_done:]
    assert trained(rest).best_epoch == trained(whole).best_epoch == 0
    assert trained(rest).model_digest == trained(whole).model_digest
    assert started(rest).resolved == started(whole).resolved


def test_early_stopping_counts_from_the_best_trained_epoch(make_config: MakeConfig) -> None:
    said = train(make_config(**RUINOUS | {"epochs": 9, "early_stopping": {"patience": 2}}))
    assert [row.epoch for row in epochs_of(said)] == [1, 2, 3]
    assert trained(said).best_epoch == 0


def test_two_processes_agree_on_the_solved_head(ruined: Ruined) -> None:
    case = RUINOUS | {"early_stopping": {"patience": 2}, "epochs": 9}
    config = {"num_processes": 2, "key_prefix": "jobs/job_1/two"}
    two = train(ruined.make_config(**case, config=config))
    assert trained(two).best_epoch == trained(ruined.said).best_epoch == 0
    assert [row.epoch for row in epochs_of(two)] == [1, 2, 3]
    theirs, ours = (started(said).resolved.head_start for said in (two, ruined.said))
    assert theirs is not None
    assert ours is not None
    assert theirs.val_accuracy == ours.val_accuracy
    assert theirs.val_loss == pytest.approx(ours.val_loss, rel=1e-5)
