import hashlib
from collections import Counter
from importlib.metadata import version

import pytest
import torch
from torch import nn

from app.errors import (
    CheckpointInvalid,
    DeviceUnavailable,
    Diverged,
    GpuOutOfMemory,
    TooFewImages,
    ValidationFailed,
)
from app.ml.models import checkpoint
from app.ml.models.catalogue import IMAGENET_MEAN
from app.ml.models.checkpoint import CheckpointHeader
from app.storage import LocalStorage
from tests.unit.training.conftest import SMALL_WITH_BATCH_NORM, MakeConfig
from tests.unit.training.runs import (
    checkpoints_of,
    epochs_of,
    history_of,
    interrupted,
    started,
    train,
    trained,
)
from worker.protocol import EpochsDone, Message, Started, Trained, TrainProgress
from worker.training import preparation, recording
from worker.training import run as run_module
from worker.training.config import Resume, TrainingConfig
from worker.training.run import run
from worker.training.starting_model import start_model


def test_a_job_is_told_from_start_to_model(make_config: MakeConfig, storage: LocalStorage) -> None:
    config = make_config(epochs=2, strategy="feature_extract")
    said = train(config)
    kinds = [type(message) for message in said if not isinstance(message, TrainProgress)]
    assert kinds == [Started, EpochsDone, EpochsDone, Trained]
    assert started(said).resolved.model_dump() == {
        "device": "cpu",
        "num_parameters": 736_450,
        "num_trainable_parameters": 1026,
        "num_train_images": 13,
        "num_val_images": 6,
        "steps_per_epoch": 3,
        "precision": "fp32",
        "images_cached": True,
        "images_on": "host",
        "num_processes": 1,
        "head_start": None,
        "class_balance": None,
        "frozen_engine": None,
    }
    assert started(said).environment["dataset_digest"] == config.dataset_digest
    assert started(said).environment["libraries"]["torch"] == torch.__version__
    assert started(said).environment["libraries"]["graft"] == version("graft-server")
    assert started(said).environment["weights"] == {
        "source": "none",
        "name": "none",
        "digest": None,
    }
    assert [row.epoch for row in epochs_of(said)] == [1, 2]
    for number, kept in enumerate(checkpoints_of(said), 1):
        assert [row.epoch for row in kept.rows] == [number]
        assert kept.state_key == f"jobs/job_1/1/epoch-{number:04d}.state.pt"
        assert storage.exists(kept.state_key)
        assert storage.exists(kept.best_key)
    last = trained(said)
    content = storage.path(last.model_key).read_bytes()
    assert last.model_key == "jobs/job_1/1/model.safetensors"
    assert last.model_digest == hashlib.sha256(content).hexdigest()
    assert last.num_bytes == len(content)
    assert last.best_epoch == max(epoch.epoch for epoch in epochs_of(said) if epoch.is_best)


def test_a_state_is_durable_before_its_epoch_is_told(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    seen: list[bool] = []

    def send(message: Message) -> None:
        if isinstance(message, EpochsDone):
            seen.append(storage.exists(message.state_key) and storage.exists(message.best_key))

    run(make_config(), should_stop=lambda: False, send=send)
    assert seen == [True, True]


def test_the_stored_model_is_the_best_epochs_not_the_last(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    optimizer = {"name": "sgd", "learning_rate": 0.02}
    said = train(make_config(epochs=6, strategy="feature_extract", optimizer=optimizer))
    best = next(e for e in reversed(epochs_of(said)) if e.is_best)
    assert best.epoch < 6, "the case needs a best epoch that is not the last"
    (best_key,) = {kept.best_key for kept in checkpoints_of(said)[best.epoch - 1 :]}
    delta = checkpoint.load(storage.path(best_key))
    complete = checkpoint.load(storage.path(trained(said).model_key))
    assert set(delta.tensors) == {"classifier.1.weight", "classifier.1.bias"}
    for name, tensor in delta.tensors.items():
        assert torch.equal(complete.tensors[name], tensor)
    model, header = checkpoint.restore_model(complete)
    assert header.class_names == ("dark", "light")
    assert header.preprocessing.input_size == header.preprocessing.resize_size == 32
    assert header.preprocessing.mean == IMAGENET_MEAN
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 2)


CASES = {
    "sgd with momentum, step, partial, dropout": {
        "strategy": "partial",
        "trainable_from": "features.10",
        "optimizer": {"name": "sgd", "learning_rate": 0.001, "momentum": 0.9},
        "scheduler": {"name": "step", "step_size": 2, "gamma": 0.5},
        "num_threads": 2,
    },
    "adamw, cosine, everything, dropout": {
        "optimizer": {"name": "adamw", "learning_rate": 0.001},
        "scheduler": {"name": "cosine", "warmup_epochs": 1},
        "early_stopping": {"patience": 9},
    },
    "rmsprop, frozen backbone with BatchNorm": {
        "architecture": SMALL_WITH_BATCH_NORM,
        "strategy": "feature_extract",
        "optimizer": {"name": "rmsprop", "learning_rate": 0.01, "momentum": 0.5},
    },
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_resumed_job_equals_an_undisturbed_one_to_the_last_bit(
    make_config: MakeConfig, case: dict[str, object]
) -> None:
    whole = train(make_config(epochs=4, **case))
    first = interrupted(make_config(epochs=4, **case, config={"key_prefix": "jobs/job_1/2"}), 2)
    resume = Resume(epoch=2, state_key=checkpoints_of(first)[1].state_key)
    torch.rand(17)
    rest = train(
        make_config(epochs=4, **case, config={"key_prefix": "jobs/job_1/3", "resume": resume})
    )
    assert history_of(rest) == history_of(whole)[2:]
    assert trained(rest).best_epoch == trained(whole).best_epoch
    assert trained(rest).model_digest == trained(whole).model_digest
    losses = [epoch.train_loss for epoch in epochs_of(whole)]
    assert len(set(losses)) == 4


def test_a_job_lost_after_its_last_epoch_still_stores_its_model(
    make_config: MakeConfig,
) -> None:
    first = train(make_config())
    resume = Resume(epoch=2, state_key=checkpoints_of(first)[1].state_key)
    rest = train(make_config(config={"key_prefix": "jobs/job_1/2", "resume": resume}))
    assert epochs_of(rest) == []
    assert trained(rest).model_digest == trained(first).model_digest
    assert trained(rest).model_key == "jobs/job_1/2/model.safetensors"


def test_a_state_of_another_training_is_refused(make_config: MakeConfig) -> None:
    first = train(make_config(strategy="feature_extract", epochs=1))
    resume = Resume(epoch=1, state_key=checkpoints_of(first)[0].state_key)
    with pytest.raises(CheckpointInvalid, match="another"):
        train(make_config(strategy="feature_extract", seed=1, config={"resume": resume}))


def test_short_epochs_share_a_checkpoint_and_the_best_of_them_is_kept(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    case: dict[str, object] = {
        "epochs": 6,
        "strategy": "feature_extract",
        "head": "linear",
        "num_val": 20,
        "seed": 3,
        "optimizer": {"name": "sgd", "learning_rate": 0.02},
    }
    alone = train(make_config(**case, config={"key_prefix": "jobs/job_1/alone"}))
    together = train(make_config(**case, config={"keep_every_seconds": 1000.0}))
    (kept,) = checkpoints_of(together)
    assert [row.epoch for row in kept.rows] == [1, 2, 3, 4, 5, 6]
    assert history_of(together) == history_of(alone)
    best = max(row.epoch for row in kept.rows if row.is_best)
    assert 1 < best < 6, "the case needs a best epoch in the middle"
    theirs = checkpoint.load(storage.path(checkpoints_of(alone)[best - 1].best_key)).tensors
    ours = checkpoint.load(storage.path(kept.best_key)).tensors
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert trained(together).model_digest == trained(alone).model_digest
    assert trained(together).best_epoch == best


class Clock:
    """Time that passes by half a second at each look."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        self._seconds += 0.5
        return self._seconds

    perf_counter = monotonic


def test_a_job_resumed_between_shared_checkpoints_goes_on_to_the_last_bit(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "time", Clock())
    case: dict[str, object] = {"epochs": 7, "optimizer": {"name": "adamw"}}

    def config(attempt: int, resume: Resume | None = None) -> TrainingConfig:
        changed = {
            "key_prefix": f"jobs/job_1/{attempt}",
            "keep_every_seconds": 1.5,
            "resume": resume,
        }
        return make_config(**case, config=changed)

    whole = train(config(1))
    assert [len(kept.rows) for kept in checkpoints_of(whole)] == [3, 3, 1]
    first = interrupted(config(2), 1)
    last = checkpoints_of(first)[-1]
    assert [row.epoch for row in last.rows] == [1, 2, 3]
    rest = train(config(3, Resume(epoch=3, state_key=last.state_key)))
    assert history_of(first) + history_of(rest) == history_of(whole)
    assert trained(rest).model_digest == trained(whole).model_digest


def test_the_seed_decides(
    make_config: MakeConfig,
) -> None:
    base = history_of(train(make_config(epochs=1)))
    assert history_of(train(make_config(epochs=1))) == base
    assert history_of(train(make_config(epochs=1, seed=1))) != base


def test_a_request_to_stop_keeps_the_best_so_far(make_config: MakeConfig) -> None:
    said = train(make_config(epochs=9), lambda: True)
    assert [epoch.epoch for epoch in epochs_of(said)] == [1]
    assert trained(said).best_epoch == 1


def test_nothing_is_ever_deleted(make_config: MakeConfig, storage: LocalStorage) -> None:
    said = train(make_config(epochs=3))
    kept = Counter(key.rpartition(".")[2] for key in storage.list_keys("jobs"))
    num_best = sum(epoch.is_best for epoch in epochs_of(said))
    assert kept == {"pt": 3, "safetensors": num_best + 3}  # model, trust, predictions


@pytest.mark.parametrize(("num_train", "num_val"), [(1, 4), (0, 4), (4, 0)])
def test_too_few_images_are_refused(make_config: MakeConfig, num_train: int, num_val: int) -> None:
    with pytest.raises(TooFewImages):
        train(make_config(num_train=num_train, num_val=num_val))


def test_a_lone_last_image_trains_with_batch_norm(make_config: MakeConfig) -> None:
    said = train(
        make_config(architecture=SMALL_WITH_BATCH_NORM, num_train=5, batch_size=4, epochs=1)
    )
    assert started(said).resolved.steps_per_epoch == 1


def test_an_input_too_small_for_the_batch_is_refused(make_config: MakeConfig) -> None:
    with pytest.raises(ValidationFailed, match="needs at least 33 pixels"):
        train(make_config(architecture=SMALL_WITH_BATCH_NORM, batch_size=1))


def test_a_missing_device_is_refused(make_config: MakeConfig) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(DeviceUnavailable):
        train(make_config(config={"device": "cuda"}))


def test_divergence_is_named_with_its_epoch(make_config: MakeConfig) -> None:
    with pytest.raises(Diverged, match="in epoch"):
        train(make_config(epochs=30, optimizer={"name": "sgd", "learning_rate": 100.0}))


def test_memory_that_runs_out_names_a_batch_size_that_fits(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hungry(nn.Module):
        """Has room for three images at a time in training, and for any number otherwise."""

        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, images: torch.Tensor) -> object:
            if self.training and len(images) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return self.model(images)

    def start(config: TrainingConfig, storage: LocalStorage) -> tuple[nn.Module, CheckpointHeader]:
        model, header = start_model(config, storage)
        return Hungry(model), header

    monkeypatch.setattr(preparation, "start_model", start)
    monkeypatch.setattr(run_module, "start_model", start)
    # Batches of three would leave the last of the 13 images alone, and it joins the batch before.
    with pytest.raises(GpuOutOfMemory, match=r"batch of 8 .* one of 2 does"):
        train(make_config(batch_size=8))


def test_training_learns_to_tell_dark_from_light(make_config: MakeConfig) -> None:
    said = train(
        make_config(
            architecture="resnet18",
            num_train=40,
            num_val=20,
            batch_size=8,
            epochs=3,
            optimizer={"name": "adamw", "learning_rate": 0.001},
            augmentation={"name": "none"},
            config={"keep_every_seconds": 1000.0},
        )
    )
    assert max(epoch.val_accuracy for epoch in epochs_of(said)) >= 0.9
