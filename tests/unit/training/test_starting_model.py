"""The model that a training starts from: published weights, or an earlier model."""

import hashlib

import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision import models

from app.errors import (
    CheckpointInvalid,
    ValidationFailed,
    WeightsUnavailable,
)
from app.ml.models import checkpoint
from app.ml.models.checkpoint import Checkpoint
from app.storage import LocalStorage
from tests.damage import flip_last_bit
from tests.unit.training.conftest import CLASS_NAMES, MakeConfig
from tests.unit.training.runs import started, store_untrained, train, trained
from worker.training.starting_model import start_model


def test_pretrained_weights_are_the_backbone_and_stay(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    state_dict = models.squeezenet1_0(weights=None).state_dict()
    config = make_config(strategy="feature_extract", weights="imagenet", epochs=1)
    assert config.weights_dir is not None
    config.weights_dir.mkdir()
    path = config.weights_dir / "squeezenet1_0.safetensors"
    save_file(state_dict, path)
    said = train(config)
    complete = load_file(storage.path(trained(said).model_key))
    backbone = [name for name in state_dict if not name.startswith("classifier.1")]
    assert all(torch.equal(complete[name], state_dict[name]) for name in backbone)
    assert started(said).environment["weights"] == {
        "source": "local",
        "name": "IMAGENET1K_V1",
        "digest": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def test_missing_weights_are_refused(make_config: MakeConfig) -> None:
    with pytest.raises(WeightsUnavailable, match="GRAFT_WEIGHTS_DIR"):
        train(make_config(strategy="feature_extract", weights="imagenet"))


def test_weights_of_something_else_are_refused(make_config: MakeConfig) -> None:
    config = make_config(strategy="fine_tune", weights="imagenet")
    assert config.weights_dir is not None
    config.weights_dir.mkdir()
    save_file({"weight": torch.zeros(1)}, config.weights_dir / "squeezenet1_0.safetensors")
    with pytest.raises(WeightsUnavailable, match="does not fit squeezenet1_0"):
        train(config)


@pytest.mark.parametrize(
    ("class_names", "keeps_head"), [(CLASS_NAMES, True), (["dark", "other"], False)]
)
def test_an_earlier_model_is_gone_on_from_with_its_head_for_the_same_classes(
    make_config: MakeConfig, storage: LocalStorage, class_names: list[str], keeps_head: bool
) -> None:
    key, earlier = store_untrained(
        storage, make_config(seed=5), mean=(0.1, 0.2, 0.3), class_names=class_names
    )
    config = make_config(
        strategy="feature_extract",
        weights="earlier:1",
        epochs=1,
        input_size=40,
        optimizer={"name": "sgd", "learning_rate": 1e-9},
        config={"base_model_key": key},
    )
    said = train(config)
    model = checkpoint.load(storage.path(trained(said).model_key))
    assert model.header.preprocessing.mean == (0.1, 0.2, 0.3)
    assert model.header.preprocessing.input_size == 40
    assert model.header.class_names == tuple(CLASS_NAMES)
    assert model.header.weights.source == "model"
    assert model.header.weights.name == "earlier:1"
    assert torch.equal(model.tensors["features.0.weight"], earlier.tensors["features.0.weight"])
    head, old_head = (c.tensors["classifier.1.weight"] for c in (model, earlier))
    assert torch.allclose(head, old_head, atol=1e-5) is keeps_head


def test_a_transformer_is_gone_on_from_at_another_input_size(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    name = "timm:deit_tiny_patch16_224"
    key, earlier = store_untrained(storage, make_config(architecture=name, input_size=64))
    assert earlier.header.build_arguments == {"img_size": 64}
    assert earlier.tensors["pos_embed"].shape == (1, 4 * 4 + 1, 192)
    config = make_config(
        architecture=name,
        strategy="feature_extract",
        weights="earlier:1",
        epochs=1,
        input_size=96,
        config={"base_model_key": key},
    )
    said = train(config)
    model = checkpoint.load(storage.path(trained(said).model_key))
    assert started(said).resolved.num_parameters == sum(t.numel() for t in model.tensors.values())
    assert model.header.build_arguments == {"img_size": 96}
    assert model.header.preprocessing.input_size == 96
    assert model.tensors["pos_embed"].shape == (1, 6 * 6 + 1, 192)
    same = "blocks.0.attn.qkv.weight"
    assert torch.equal(model.tensors[same], earlier.tensors[same])


def test_an_earlier_model_of_another_architecture_is_refused(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    key, _ = store_untrained(storage, make_config())
    with pytest.raises(ValidationFailed) as caught:
        train(make_config(architecture="resnet18", weights="a:1", config={"base_model_key": key}))
    assert caught.value.problems[0].allowed == ("squeezenet1_0",)


def test_a_delta_is_no_earlier_model(make_config: MakeConfig, storage: LocalStorage) -> None:
    model, header = start_model(make_config(strategy="feature_extract"), storage)
    delta = Checkpoint(header, checkpoint.take_delta(model))
    checkpoint.save(storage, "jobs/earlier/1/best.safetensors", delta)
    with pytest.raises(CheckpointInvalid, match="complete"):
        train(
            make_config(weights="a:1", config={"base_model_key": "jobs/earlier/1/best.safetensors"})
        )


def test_a_damaged_earlier_model_is_refused(make_config: MakeConfig, storage: LocalStorage) -> None:
    key, _ = store_untrained(storage, make_config())
    path = storage.path(key)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    flip_last_bit(path)
    base = {"base_model_key": key, "base_model_digest": digest}
    with pytest.raises(CheckpointInvalid, match="sha256"):
        train(make_config(weights="a:1", config=base))
