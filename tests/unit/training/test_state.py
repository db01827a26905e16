import hashlib
import io
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim import AdamW

from app.errors import CheckpointInvalid
from app.storage import LocalStorage
from worker.training.fit import Best
from worker.training.loop import PassResult
from worker.training.state import TrainerState, load_state, save_state

BEST = Best(2, 0.5, 0.7, peak_epoch=1, peak_score=0.5)


def make_state() -> TrainerState:
    model = nn.Linear(2, 2)
    optimizer = AdamW(model.parameters())
    model(torch.randn(3, 2)).sum().backward()
    optimizer.step()
    return TrainerState(
        epoch=3,
        tensors=dict(model.state_dict()),
        average={"weight": torch.full((2, 2), 0.25)},
        trunk_digest="ab",
        optimizer=optimizer.state_dict(),
        scaler={"scale": 1024.0, "_growth_tracker": 3},
        best=BEST,
        best_key="jobs/a/1/epoch-0002.best.safetensors",
    )


def test_a_state_survives_the_file(storage: LocalStorage) -> None:
    state = make_state()
    save_state(storage, "s.pt", state)
    read = load_state(storage.path("s.pt"))
    assert (read.epoch, read.trunk_digest, read.best, read.best_key) == (
        *(3, "ab", BEST, "jobs/a/1/epoch-0002.best.safetensors"),
    )
    assert torch.equal(read.tensors["weight"], state.tensors["weight"])
    assert torch.equal(
        read.optimizer["state"][0]["exp_avg"], state.optimizer["state"][0]["exp_avg"]
    )
    assert read.average is not None
    assert torch.equal(read.average["weight"], torch.full((2, 2), 0.25))
    assert read.scaler == {"scale": 1024.0, "_growth_tracker": 3}
    assert read.optimizer["param_groups"] == state.optimizer["param_groups"]


def test_a_state_of_an_earlier_version_is_read(storage: LocalStorage) -> None:
    """Version 0.2 stored no balanced accuracy, and of the best epoch only the accuracy."""
    start = PassResult(0.2, 0.75)
    state = vars(make_state()) | {"best": {"epoch": 2, "score": 0.5}}
    buffer = io.BytesIO()
    torch.save(state | {"start": {"loss": 0.2, "accuracy": 0.75}}, buffer)
    content = buffer.getvalue()
    with storage.new_file("s.pt") as file:
        file.write(hashlib.sha256(content).digest() + content)
    read = load_state(storage.path("s.pt"))
    assert read.start == start
    assert read.best == Best(2, 0.5, peak_epoch=2, peak_score=0.5)


@pytest.mark.parametrize("position", [0, 40, -1])
def test_a_changed_byte_is_noticed(storage: LocalStorage, position: int) -> None:
    save_state(storage, "s.pt", make_state())
    content = bytearray(storage.path("s.pt").read_bytes())
    content[position] ^= 1
    storage.path("s.pt").write_bytes(content)
    with pytest.raises(CheckpointInvalid, match="damaged"):
        load_state(storage.path("s.pt"))


def test_a_truncated_state_is_noticed(storage: LocalStorage) -> None:
    save_state(storage, "s.pt", make_state())
    content = storage.path("s.pt").read_bytes()
    storage.path("s.pt").write_bytes(content[:-1])
    with pytest.raises(CheckpointInvalid, match="damaged"):
        load_state(storage.path("s.pt"))


@pytest.mark.parametrize("payload", [{"epoch": 1}, {"best": Path("x")}])
def test_other_contents_are_refused_and_never_run(storage: LocalStorage, payload: object) -> None:
    buffer = io.BytesIO()
    torch.save(payload, buffer)
    content = buffer.getvalue()
    with storage.new_file("s.pt") as file:
        file.write(hashlib.sha256(content).digest() + content)
    with pytest.raises(CheckpointInvalid, match="another version"):
        load_state(storage.path("s.pt"))
