"""Parts of recipes, seen from outside: jobs that use them."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from app.ml.models import checkpoint
from app.storage import LocalStorage
from tests.unit.training.conftest import SMALL_WITH_BATCH_NORM, MakeConfig
from tests.unit.training.runs import (
    checkpoints_of,
    epochs_of,
    history_of,
    started,
    train,
    trained,
)
from worker.training.config import Resume
from worker.training.state import load_state

pytestmark = pytest.mark.usefixtures("quick_probe")

PROBED: dict[str, object] = {
    "head": "linear",
    "head_start": "linear_probe",
    "strategy": "fine_tune",
    "num_train": 24,
}

CASES: dict[str, dict[str, object]] = {
    "linear probe, average, layer decay": {
        **PROBED,
        "optimizer": {"name": "adamw", "learning_rate": 1e-4},
        "scheduler": {"name": "cosine", "warmup_epochs": 1},
        "ema": {"decay": 0.9},
        "layer_decay": 0.8,
    },
    "staged unfreezing with momentum": {
        **PROBED,
        "optimizer": {"name": "sgd", "learning_rate": 1e-3},
        "staged_unfreezing": {"epochs_per_stage": 1, "num_stages": 3},
    },
    "mixing, smoothing, balance, clipping, accumulation": {
        "mixing": {"name": "cutmix"},
        "label_smoothing": 0.1,
        "class_balance": "sampling",
        "clip_norm": 0.5,
        "accumulate": 2,
        "augmentation": {"name": "rand"},
    },
    "weighted classes, one random operation, mixup": {
        "architecture": SMALL_WITH_BATCH_NORM,
        "class_balance": "loss",
        "augmentation": {"name": "trivial"},
        "mixing": {"name": "mixup"},
    },
    "cached views of a head": {
        "head": "linear",
        "strategy": "feature_extract",
        "batch_norm": "eval",
        "cached_views": 2,
        "optimizer": {"name": "adamw"},
    },
    "cached views of a partial model": {
        "architecture": SMALL_WITH_BATCH_NORM,
        "strategy": "partial",
        "trainable_from": "stage4",
        "batch_norm": "eval",
        "cached_views": 3,
        "ema": {"decay": 0.5},
    },
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_part_goes_on_to_the_last_bit(
    make_config: MakeConfig, case: dict[str, object]
) -> None:
    whole = train(make_config(**{"epochs": 4, **case}))
    assert len({row.train_loss for row in epochs_of(whole)}) == 4
    resume = Resume(epoch=2, state_key=checkpoints_of(whole)[1].state_key)
    torch.rand(17)
    rest = train(
        make_config(
            **{"epochs": 4, **case}, config={"key_prefix": "jobs/job_1/2", "resume": resume}
        )
    )
    assert history_of(rest) == history_of(whole)[2:]
    assert trained(rest).best_epoch == trained(whole).best_epoch
    assert trained(rest).model_digest == trained(whole).model_digest
    assert trained(rest).report == trained(whole).report


@pytest.mark.parametrize(
    "case",
    [
        {"strategy": "feature_extract"},
        {"strategy": "partial", "trainable_from": "stage4"},
        {"strategy": "partial", "trainable_from": "stage4", "class_balance": "sampling"},
    ],
)
def test_a_view_for_each_epoch_trains_as_without_a_cache(
    make_config: MakeConfig, case: dict[str, object]
) -> None:
    fields: dict[str, object] = {
        "architecture": SMALL_WITH_BATCH_NORM,
        "head": "linear",
        "batch_norm": "eval",
        "epochs": 3,
        "optimizer": {"name": "sgd", "learning_rate": 1e-4},
        **case,
    }
    anew = history_of(train(make_config(**fields, config={"key_prefix": "jobs/a/1"})))
    once = history_of(train(make_config(**fields, cached_views=3)))
    for one, other in zip(anew, once, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-4)
    assert len({row["train_loss"] for row in anew}) == 3


def test_a_view_that_comes_again_is_what_it_was(make_config: MakeConfig) -> None:
    """Only the view changes: the loss of a head that does not move repeats."""
    said = train(
        make_config(
            strategy="feature_extract",
            head="linear",
            batch_norm="eval",
            cached_views=2,
            epochs=4,
            optimizer={"name": "sgd", "learning_rate": 1e-12},
        )
    )
    first, second, third, fourth = (row.train_loss for row in epochs_of(said))
    assert third == pytest.approx(first, abs=1e-6)
    assert fourth == pytest.approx(second, abs=1e-6)
    assert abs(first - second) > 1e-6


def head_of(tensors: dict[str, Tensor] | object) -> Tensor:
    assert isinstance(tensors, dict)
    return tensors["classifier.1.weight"].flatten(1)


@pytest.mark.parametrize("ema", [None, {"decay": 0.9}])
def test_a_probed_head_is_the_solved_one_before_the_first_step(
    make_config: MakeConfig, storage: LocalStorage, ema: dict[str, float] | None
) -> None:
    """A learning rate of next to nothing leaves the head where it began."""
    still = {"name": "sgd", "learning_rate": 1e-30, "momentum": 0.0}
    said = train(
        make_config(**PROBED, epochs=1, optimizer=still, ema=ema, config={"key_prefix": "jobs/p"})
    )
    start = started(said).resolved.head_start
    assert start is not None
    assert start.cv_accuracy is not None
    assert 0.0 <= start.cv_accuracy <= 1.0
    solved = train(
        make_config(
            strategy="feature_extract",
            head="linear",
            batch_norm="eval",
            cached_views=1,
            optimizer={"name": "lbfgs", "l2_strengths": [start.l2_strength]},
            epochs=1,
            augmentation={"name": "none"},
            num_train=24,
            config={"key_prefix": "jobs/s"},
        )
    )
    ours, theirs = (
        checkpoint.load(storage.path(trained(messages).model_key)).tensors
        for messages in (said, solved)
    )
    assert torch.allclose(head_of(dict(ours)), head_of(dict(theirs)), atol=1e-3, rtol=1e-3)
    assert epochs_of(said)[0].val_loss == pytest.approx(epochs_of(solved)[0].val_loss, abs=1e-3)
    assert trained(said).report is not None


def test_a_random_head_says_nothing_of_a_probe(make_config: MakeConfig) -> None:
    assert started(train(make_config(epochs=1))).resolved.head_start is None


def test_stages_begin_with_the_head_and_end_with_everything(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    said = train(
        make_config(
            epochs=4,
            optimizer={"name": "adamw"},
            staged_unfreezing={"epochs_per_stage": 1, "num_stages": 3},
        )
    )
    states = [load_state(storage.path(kept.state_key)).tensors for kept in checkpoints_of(said)]
    moved = [
        {name.rpartition(".")[0] for name in now if not torch.equal(now[name], before[name])}
        for before, now in pairwise(states)
    ]
    assert {name.split(".")[1] for name in moved[0]} >= {"1", "9", "10", "12"}
    assert not any(name.startswith(("features.0", "features.3.")) for name in moved[0])
    assert any(name.startswith("features.7") for name in moved[1])
    assert "features.0" not in moved[1]
    assert "features.0" in moved[2]


def test_the_kept_model_is_the_average(make_config: MakeConfig, storage: LocalStorage) -> None:
    said = train(
        make_config(epochs=1, optimizer={"name": "sgd", "learning_rate": 0.01}, ema={"decay": 0.9})
    )
    state = load_state(storage.path(checkpoints_of(said)[0].state_key))
    kept = checkpoint.load(storage.path(trained(said).model_key)).tensors
    assert state.average is not None
    assert torch.equal(kept["features.0.weight"], state.average["features.0.weight"])
    assert not torch.equal(kept["features.0.weight"], state.tensors["features.0.weight"])


@pytest.mark.parametrize(("mode", "moves"), [("train", True), ("eval", False)])
def test_a_frozen_backbones_statistics_follow_the_switch(
    make_config: MakeConfig, storage: LocalStorage, mode: str, moves: bool
) -> None:
    said = train(
        make_config(
            architecture=SMALL_WITH_BATCH_NORM,
            strategy="feature_extract",
            batch_norm=mode,
            epochs=1,
        )
    )
    kept = checkpoint.load(storage.path(trained(said).model_key)).tensors
    assert bool((kept["conv1.1.running_mean"] != 0).any()) is moves


def test_without_room_images_are_decoded_anew_and_learned_the_same(
    make_config: MakeConfig,
) -> None:
    without = train(make_config(config={"image_cache_bytes": 100, "key_prefix": "jobs/a/1"}))
    cached = train(make_config())
    assert started(cached).resolved.images_cached is True
    assert started(without).resolved.images_cached is False
    assert history_of(without) == history_of(cached)


def test_jobs_share_what_was_decoded(make_config: MakeConfig, tmp_path: Path) -> None:
    train(make_config(epochs=1, config={"key_prefix": "jobs/a/1"}))
    files = sorted((tmp_path / "cache").iterdir())
    touched = [file.stat().st_ino for file in files]
    said = train(make_config(epochs=1, seed=1))
    assert sorted((tmp_path / "cache").iterdir()) == files
    assert [file.stat().st_ino for file in files] == touched
    assert not any(getattr(message, "stage", "") == "decoding images" for message in said)


@pytest.mark.parametrize(
    ("architecture", "tolerance"),
    # Normalised over batches of four images, and one of one, every rounding grows.
    [("squeezenet1_0", 0.01), ("resnet18", 0.2)],
)
def test_bfloat16_learns_too(
    make_config: MakeConfig, storage: LocalStorage, architecture: str, tolerance: float
) -> None:
    case: dict[str, object] = {"architecture": architecture, "augmentation": {"name": "none"}}
    config = {"key_prefix": "jobs/b/1", "keep_every_seconds": 1000.0}
    said = train(make_config(**case, epochs=2, precision="bf16", config=config))
    exact = train(make_config(**case, epochs=1, precision="fp32"))
    assert started(said).resolved.precision == "bf16"
    kept = checkpoint.load(storage.path(trained(said).model_key)).tensors
    assert {tensor.dtype for tensor in kept.values()} <= {torch.float32, torch.int64}
    (one, later), (other,) = epochs_of(said), epochs_of(exact)
    assert one.train_loss != other.train_loss
    assert one.train_loss == pytest.approx(other.train_loss, abs=tolerance)
    assert later.train_loss < one.train_loss


def test_bfloat16_repeats_to_the_last_bit(make_config: MakeConfig) -> None:
    once, again = (
        history_of(train(make_config(precision="bf16", config={"key_prefix": f"jobs/{attempt}"})))
        for attempt in (1, 2)
    )
    assert once == again
