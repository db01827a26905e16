import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from app.errors import CheckpointInvalid
from app.ml.images.preprocessing import PreprocessingSpec
from app.ml.models import checkpoint
from app.ml.models.architectures import build, is_trainable
from app.ml.models.catalogue import get_architecture
from app.ml.models.checkpoint import Checkpoint, CheckpointHeader
from app.ml.models.pretrained import Provenance
from app.storage import LocalStorage
from tests.damage import flip_last_bit, overwrite, truncate

RESNET = get_architecture("resnet18")


def header_of(model: nn.Module, **changes: object) -> CheckpointHeader:
    values = {
        "architecture": "resnet18",
        "build_arguments": {},
        "num_classes": 2,
        "class_names": ("ant", "bée"),
        "preprocessing": PreprocessingSpec(input_size=64, resize_size=72),
        "weights": Provenance(source="none", name="none", digest=None),
        "trunk_digest": checkpoint.compute_backbone_digest(model),
    }
    return CheckpointHeader.model_validate({**values, **changes})


def frozen_resnet(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return build(
        "resnet18",
        2,
        arguments={},
        is_trained=lambda name: is_trainable(RESNET, name, "feature_extract", None),
    )


def test_a_complete_checkpoint_restores_the_same_model(storage: LocalStorage) -> None:
    model = build("resnet18", 2, arguments={})
    model(torch.randn(4, 3, 64, 64))
    header = header_of(model)
    stored = checkpoint.save(storage, "m.safetensors", Checkpoint(header, model.state_dict()))
    content = storage.path("m.safetensors").read_bytes()
    assert stored.digest == hashlib.sha256(content).hexdigest()
    assert stored.num_bytes == len(content)
    restored, read = checkpoint.restore_model(checkpoint.load(storage.path("m.safetensors")))
    assert read == header
    assert checkpoint.load_header(storage.path("m.safetensors")) == header
    assert not restored.training
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(restored(images), model.eval()(images))


def test_tensors_that_share_memory_are_stored_under_every_name(storage: LocalStorage) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    tensors = {"one": shared, "same": shared, "row": shared[1], "other": torch.ones(2)}
    header = header_of(frozen_resnet(0))
    checkpoint.save(storage, "m.safetensors", Checkpoint(header, tensors))
    read = checkpoint.load(storage.path("m.safetensors")).tensors
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in tensors.items())


def test_a_delta_holds_only_head_and_buffers_and_fits_its_backbone(storage: LocalStorage) -> None:
    model = frozen_resnet(0)
    model(torch.randn(4, 3, 64, 64))
    delta = Checkpoint(header_of(model), checkpoint.take_delta(model))
    buffers = {name for name, _ in model.named_buffers()}
    assert delta.tensors.keys() == {"fc.weight", "fc.bias"} | buffers
    stored = checkpoint.save(storage, "d.safetensors", delta)
    assert stored.num_bytes < 200_000
    again = frozen_resnet(0)
    nn.init.zeros_(again.get_parameter("fc.weight"))
    checkpoint.apply_delta(again, checkpoint.load(storage.path("d.safetensors")))
    expected = model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in again.state_dict().items())


def test_the_same_model_has_the_same_digest(storage: LocalStorage) -> None:
    model = frozen_resnet(0)
    complete = Checkpoint(header_of(model), model.state_dict())
    digests = {checkpoint.save(storage, f"m{number}", complete).digest for number in range(8)}
    assert len(digests) == 1


def test_a_delta_is_a_copy() -> None:
    model = frozen_resnet(0)
    delta = checkpoint.take_delta(model)
    before = delta["fc.weight"].clone()
    nn.init.zeros_(model.get_parameter("fc.weight"))
    assert torch.equal(delta["fc.weight"], before)


def test_a_delta_is_rejected_on_another_backbone() -> None:
    delta = Checkpoint(header_of(frozen_resnet(0)), checkpoint.take_delta(frozen_resnet(0)))
    with pytest.raises(CheckpointInvalid, match="another backbone"):
        checkpoint.apply_delta(frozen_resnet(1), delta)


@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_a_delta_must_hold_exactly_the_trained_tensors(change: str) -> None:
    model = frozen_resnet(0)
    tensors = checkpoint.take_delta(model)
    if change == "missing":
        del tensors["fc.bias"]
    else:
        tensors["fc.scale"] = torch.zeros(1)
    with pytest.raises(CheckpointInvalid, match="not those"):
        checkpoint.apply_delta(model, Checkpoint(header_of(model), tensors))


def test_a_delta_cannot_be_served() -> None:
    model = frozen_resnet(0)
    delta = Checkpoint(header_of(model), checkpoint.take_delta(model))
    with pytest.raises(CheckpointInvalid, match="complete"):
        checkpoint.restore_model(delta)


def test_without_frozen_parameters_there_is_no_backbone_digest() -> None:
    assert checkpoint.compute_backbone_digest(build("resnet18", 2, arguments={})) is None


def test_tensors_of_another_architecture_are_rejected() -> None:
    model = build("resnet18", 2, arguments={})
    tensors = build("squeezenet1_0", 2, arguments={}).state_dict()
    with pytest.raises(CheckpointInvalid, match="do not fit"):
        checkpoint.restore_model(Checkpoint(header_of(model), tensors))


@pytest.mark.parametrize("content", [b"", b"hello, this is no checkpoint", b"\0" * 64])
def test_another_file_is_not_a_checkpoint(storage: LocalStorage, content: bytes) -> None:
    with storage.new_file("x") as file:
        file.write(content)
    with pytest.raises(CheckpointInvalid, match="not safetensors"):
        checkpoint.load(storage.path("x"))


def test_safetensors_without_a_header_are_not_a_checkpoint(storage: LocalStorage) -> None:
    save_file({"weight": torch.zeros(2)}, storage.root / "x")
    with pytest.raises(CheckpointInvalid, match="no header"):
        checkpoint.load(storage.path("x"))


def test_a_newer_version_is_rejected_with_an_explanation(storage: LocalStorage) -> None:
    header = header_of(build("squeezenet1_0", 2, arguments={}))
    newer = header.model_dump_json().replace('"version":1', '"version":2')
    save_file({"weight": torch.zeros(2)}, storage.root / "x", {"graft_checkpoint": newer})
    with pytest.raises(CheckpointInvalid, match="newer version"):
        checkpoint.load(storage.path("x"))


def test_a_truncated_checkpoint_is_rejected(storage: LocalStorage) -> None:
    model = frozen_resnet(0)
    delta = Checkpoint(header_of(model), checkpoint.take_delta(model))
    checkpoint.save(storage, "d", delta)
    content = storage.path("d").read_bytes()
    with storage.new_file("torn") as file:
        file.write(content[:-10])
    with pytest.raises(CheckpointInvalid):
        checkpoint.load(storage.path("torn"))


def test_a_checkpoint_with_another_digest_is_rejected(storage: LocalStorage) -> None:
    model = frozen_resnet(0)
    stored = checkpoint.save(
        storage, "d", Checkpoint(header_of(model), checkpoint.take_delta(model))
    )
    path = storage.path("d")
    assert checkpoint.load(path, digest=stored.digest).header == header_of(model)
    flip_last_bit(path)
    checkpoint.load(path)  # the format itself notices nothing
    with pytest.raises(CheckpointInvalid, match=stored.digest):
        checkpoint.load(path, digest=stored.digest)


@pytest.mark.parametrize("damage", [truncate, overwrite, Path.unlink])
def test_a_loaded_checkpoint_does_not_change_with_its_file(
    storage: LocalStorage, damage: Callable[[Path], None]
) -> None:
    model = frozen_resnet(0)
    expected = checkpoint.take_delta(model)
    checkpoint.save(storage, "d", Checkpoint(header_of(model), expected))
    loaded = checkpoint.load(storage.path("d"))
    damage(storage.path("d"))
    assert all(torch.equal(value, expected[name]) for name, value in loaded.tensors.items())
