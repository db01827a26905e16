"""Several processes train together; two of them learn what one does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from app.datasets.manifest import read_manifest
from app.errors import DeviceUnavailable
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
from tests.unit.training.test_process import REPOSITORY, finish, start
from worker.protocol import EpochRow, Failed
from worker.training.config import Resume, TrainingConfig
from worker.training.distributed import (
    ProcessGroup,
    choose_process_device,
    count_processes,
)
from worker.training.rank_processes import CRASHED_EXIT_CODE


def metrics_of(rows: list[EpochRow]) -> list[float]:
    return [
        number
        for row in rows
        for number in (
            *(row.train_loss, row.train_accuracy, row.val_loss, row.val_accuracy),
            row.val_balanced_accuracy or 0.0,
        )
    ]


CASES: dict[str, dict[str, object]] = {
    # A small network has more layers, each of which makes differences in rounding larger.
    "BatchNorm over the whole batch": {
        "architecture": "resnet18",
        "batch_norm": "train",
        "num_train": 14,
        "batch_size": 8,
        "input_size": 64,
        "optimizer": {"name": "sgd", "learning_rate": 1e-4},
    },
    "BatchNorm kept, CutMix, accumulated, an uneven last batch": {
        "batch_norm": "eval",
        "num_train": 13,
        "mixing": {"name": "cutmix"},
        "accumulate": 2,
    },
    "weights in the loss, clipped, averaged, staged": {
        "batch_norm": "eval",
        "class_balance": "loss",
        "accumulate": 2,
        "clip_norm": 0.5,
        "ema": {"decay": 0.9},
        "staged_unfreezing": {"epochs_per_stage": 1, "num_stages": 2},
    },
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_two_processes_learn_what_one_does(
    make_config: MakeConfig, case: dict[str, object]
) -> None:
    def learn(num_processes: int) -> list[EpochRow]:
        config = {
            "num_processes": num_processes,
            "key_prefix": f"jobs/job_1/{num_processes}",
            "keep_every_seconds": 1000.0,
        }
        fields = {"architecture": SMALL_WITH_BATCH_NORM, "num_val": 5, **case}
        said = train(make_config(**fields, config=config))
        assert started(said).resolved.num_processes == num_processes
        return epochs_of(said)

    one, two = learn(1), learn(2)
    assert len({row.train_loss for row in one}) == 2
    assert metrics_of(two) == pytest.approx(metrics_of(one), rel=1e-5, abs=1e-5)


def test_a_process_without_images_takes_part(make_config: MakeConfig) -> None:
    def learn(num_processes: int) -> list[EpochRow]:
        config = {"num_processes": num_processes, "key_prefix": f"jobs/job_1/{num_processes}"}
        return epochs_of(
            train(
                make_config(
                    architecture="resnet18",
                    input_size=64,
                    num_train=5,
                    num_val=1,
                    batch_size=3,
                    epochs=1,
                    config=config,
                )
            )
        )

    assert metrics_of(learn(3)) == pytest.approx(metrics_of(learn(1)), rel=1e-5, abs=1e-5)


def test_two_resumed_processes_equal_two_undisturbed_ones_to_the_last_bit(
    make_config: MakeConfig,
) -> None:
    def make(number: int, resume: Resume | None = None) -> TrainingConfig:
        return make_config(
            epochs=3,
            optimizer={"name": "adamw"},
            config={
                "num_processes": 2,
                "key_prefix": f"jobs/job_1/{number}",
                "resume": resume,
            },
        )

    whole = train(make(1))
    rest = train(make(2, Resume(epoch=1, state_key=checkpoints_of(whole)[0].state_key)))
    assert history_of(rest) == history_of(whole)[1:]
    assert trained(rest).model_digest == trained(whole).model_digest
    assert len({row.train_loss for row in epochs_of(whole)}) == 3


def test_a_head_is_fitted_once_and_shared(make_config: MakeConfig) -> None:
    def learn(num_processes: int) -> list[EpochRow]:
        said = train(
            make_config(
                architecture=SMALL_WITH_BATCH_NORM,
                strategy="fine_tune",
                batch_norm="eval",
                head_start="linear_probe",
                epochs=1,
                optimizer={"name": "sgd", "learning_rate": 1e-6},
                config={
                    "num_processes": num_processes,
                    "key_prefix": f"jobs/job_1/{num_processes}",
                },
            )
        )
        assert started(said).resolved.head_start is not None
        return epochs_of(said)

    assert metrics_of(learn(2)) == pytest.approx(metrics_of(learn(1)), rel=1e-5, abs=1e-5)


def test_a_reason_that_all_name_is_said_once(make_config: MakeConfig) -> None:
    optimizer = {"name": "sgd", "learning_rate": 100.0}
    config = make_config(epochs=9, optimizer=optimizer, config={"num_processes": 2})
    said = [m for m in finish(start(config)) if isinstance(m, Failed)]
    assert [failed.code for failed in said] == ["DIVERGED"]


def test_a_reason_that_one_rank_alone_has_is_said(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    """The second half of each validation batch is the second process's; there is no cache."""
    config = make_config(
        epochs=1,
        num_train=4,
        num_val=40,
        config={"num_processes": 2, "image_cache_bytes": 0},
        augmentation={"name": "none"},
    )
    broken = storage.path(last_image_key(config, storage))
    broken.write_bytes(b"no image")
    said = [m for m in finish(start(config)) if isinstance(m, Failed)]
    assert [failed.code for failed in said] == ["UNSUPPORTED_IMAGE"]


def last_image_key(config: TrainingConfig, storage: LocalStorage) -> str:
    return list(read_manifest(storage.path(config.manifest_key)))[-1].key


def list_ranks(child: subprocess.Popen[str]) -> list[int]:
    folder = Path(f"/proc/{child.pid}/task")
    if not folder.exists():
        return []
    children = [
        int(number)
        for task in folder.iterdir()
        for number in (task / "children").read_text().split()
    ]
    return [
        pid
        for pid in children
        if b"worker.training.rank" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def is_gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while not is_gone(pid):
        assert time.monotonic() < deadline, "a rank outlives its training"
        time.sleep(0.05)


def start_and_train(make_config: MakeConfig) -> tuple[subprocess.Popen[str], int]:
    """A training of two processes in the middle of its epochs, and the second's id."""
    child = start(make_config(epochs=10_000, config={"num_processes": 2}))
    assert child.stdout is not None
    next(line for line in child.stdout if '"epochs_done"' in line)
    (rank,) = list_ranks(child)
    return child, rank


def close(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def test_a_rank_that_is_killed_ends_the_training(make_config: MakeConfig) -> None:
    child, rank = start_and_train(make_config)
    os.kill(rank, signal.SIGKILL)
    assert child.wait(60) == CRASHED_EXIT_CODE
    wait_until_gone(rank)
    close(child)


def test_no_rank_outlives_a_first_that_is_killed(make_config: MakeConfig) -> None:
    child, rank = start_and_train(make_config)
    child.kill()
    wait_until_gone(rank)
    close(child)


def test_stop_ends_all_after_the_epoch(make_config: MakeConfig) -> None:
    child, rank = start_and_train(make_config)
    assert child.stdin is not None
    child.stdin.write("stop\n")
    child.stdin.flush()
    said = finish(child)
    assert trained(said)
    wait_until_gone(rank)


@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [0, 1, 2, 5, 8])
def test_a_batch_is_divided_in_order_and_evenly(world_size: int, size: int) -> None:
    parts = [ProcessGroup(rank, world_size).split_batch(size) for rank in range(world_size)]
    assert [position for part in parts for position in part] == list(range(size))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_processes_are_no_more_than_a_batch_has_images(make_config: MakeConfig) -> None:
    assert count_processes(make_config(batch_size=3, config={"num_processes": 8})) == 3


def test_a_backbone_that_runs_once_is_trained_by_one_process(make_config: MakeConfig) -> None:
    config = make_config(strategy="feature_extract", cached_views=1, config={"num_processes": 2})
    assert count_processes(config) == 1


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_process_device("auto", ProcessGroup(1, 2)) == torch.device("cuda", 1)
    with pytest.raises(DeviceUnavailable, match=r"GRAFT_NUM_PROCESSES is 3.* 2 CUDA devices"):
        choose_process_device("cuda", ProcessGroup(0, 3))


def test_ranks_load_neither_sql_nor_the_broker() -> None:
    code = (
        "import sys, worker.training.rank;"
        "print([m for m in ('sqlalchemy', 'celery', 'fastapi') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
