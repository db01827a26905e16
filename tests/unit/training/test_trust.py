"""The trust file that a training leaves beside its model, against the stored model served."""

from collections import Counter

import pytest
import torch
from torch import Tensor

from app.ml.images.pil_decoding import decode_image
from app.ml.images.preprocessing import eval_pixels, to_pixels
from app.ml.models import checkpoint
from app.ml.models.catalogue import get_architecture
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust import novelty
from app.ml.trust.novelty import measure_distances, to_unit_length
from app.ml.trust.trust_file import load_trust
from app.storage import LocalStorage
from tests.unit.training.conftest import SMALL_WITH_BATCH_NORM, MakeConfig
from tests.unit.training.runs import train, trained
from worker.protocol import Message, Trained
from worker.training import trust as trust_module
from worker.training.config import TrainingConfig
from worker.training.feed import list_splits
from worker.training.run import run
from worker.training.trust import choose_neighbours

WAYS = {
    "everything learns": {"strategy": "scratch", "weights": "none"},
    "a solved head": {
        "architecture": SMALL_WITH_BATCH_NORM,
        "strategy": "feature_extract",
        "head": "linear",
        "augmentation": {"name": "none"},
        "optimizer": {"name": "lbfgs", "l2_strengths": [1.0, 0.1], "folds": 2},
        "cached_views": 1,
    },
    "a head on cached views": {
        "architecture": SMALL_WITH_BATCH_NORM,
        "strategy": "feature_extract",
        "augmentation": {"name": "tutorial"},
        "cached_views": 2,
    },
    "the last layers on cached views": {
        "strategy": "partial",
        "trainable_from": "features.10",
        "cached_views": 1,
    },
    "a head that ends in a ReLU": {"strategy": "feature_extract", "cached_views": 1},
}


def serve(
    config: TrainingConfig, storage: LocalStorage, key: str, split: str
) -> tuple[Tensor, Tensor]:
    """Logits and features that serving computes for all images of a split."""
    model, header = checkpoint.restore_model(checkpoint.load(storage.path(key)))
    network = ScoringNetwork(model, get_architecture(header.architecture), header.preprocessing)
    samples = getattr(list_splits(config, storage), split)
    pixels = [
        eval_pixels(to_pixels(decode_image(sample.path)), header.preprocessing)
        for sample in samples
    ]
    with torch.inference_mode():
        logits, features = network(torch.stack(pixels))
    return logits, features


@pytest.mark.parametrize("recipe", WAYS.values(), ids=WAYS)
def test_it_holds_what_serving_computes(
    make_config: MakeConfig, storage: LocalStorage, recipe: dict[str, object]
) -> None:
    config = make_config(num_train=14, num_val=8, **recipe)
    last = trained(train(config))
    assert last.report is not None
    assert last.trust_key == "jobs/job_1/1/trust.safetensors"
    trust = load_trust(storage.path(last.trust_key))
    assert trust.temperature == last.report.calibration.temperature

    _, train_features = serve(config, storage, last.model_key, "train")
    torch.testing.assert_close(trust.neighbours, to_unit_length(train_features), rtol=0, atol=5e-4)
    _, val_features = serve(config, storage, last.model_key, "val")
    expected = measure_distances(val_features, trust.neighbours).sort().values
    torch.testing.assert_close(trust.distances, expected, rtol=0, atol=1e-3)
    assert trust.distances.max() > 0.02, "else anything would be close"
    assert len(trust.conformity) == 8
    assert torch.equal(trust.conformity, trust.conformity.sort().values)


def test_large_splits_are_measured_on_a_part_of_their_images(
    make_config: MakeConfig, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(novelty, "MAX_KEPT", 6)
    monkeypatch.setattr(trust_module, "MAX_MEASURED", 4)
    last = trained(train(make_config(num_train=14, num_val=9)))
    assert last.trust_key is not None
    trust = load_trust(storage.path(last.trust_key))
    assert (len(trust.neighbours), len(trust.distances), len(trust.conformity)) == (6, 3, 9)


def test_it_is_durable_before_the_job_is_done(
    make_config: MakeConfig, storage: LocalStorage
) -> None:
    seen: list[bool] = []

    def send(message: Message) -> None:
        if isinstance(message, Trained):
            seen.append(message.trust_key is not None and storage.exists(message.trust_key))

    run(make_config(epochs=1), should_stop=lambda: False, send=send)
    assert seen == [True]


def test_neighbours_are_evenly_taken_over_classes() -> None:
    targets = [0] * 50 + [1] * 3 + [2] * 20
    kept = choose_neighbours(targets, 13)
    assert Counter(targets[position] for position in kept) == {0: 5, 1: 3, 2: 5}
    assert kept == sorted(kept) == choose_neighbours(targets, 13)
    assert choose_neighbours(targets, 100) == list(range(73))
