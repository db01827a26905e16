"""Run PyTorch's transfer-learning tutorial as a script, the baseline for seconds per epoch.

The loop does not use the service: ImageFolder, DataLoader with four workers, SGD, and a deep copy
of the best weights. The script writes one JSON line per epoch.
Source: https://pytorch.org/tutorials/beginner/transfer_learning_tutorial.html and
https://pytorch.org/tutorials/beginner/finetuning_torchvision_models_tutorial.html
"""

import argparse
import copy
import json
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

_NORMALIZE = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
_HEADS = {
    "resnet18": "fc",
    "resnet50": "fc",
    "alexnet": "classifier.6",
    "vgg11_bn": "classifier.6",
    "squeezenet1_0": "classifier.1",
    "densenet121": "classifier",
}


@dataclass(frozen=True)
class NetworkParts:
    """Another network: build(num_classes), and the normalisation of its images."""

    build: Callable[[int], nn.Module]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def run(  # noqa: PLR0913 -- each is a setting of the tutorial
    folder: Path,
    *,
    architecture: str = "squeezenet1_0",
    weights_file: Path | None = None,
    feature_extract: bool = True,
    epochs: int = 15,
    seed: int = 0,
    input_size: int = 224,
    batch_size: int = 8,
    step_schedule: tuple[int, float] | None = None,
    network: NetworkParts | None = None,
) -> Iterator[dict[str, Any]]:
    """Train on `folder/{train,val}/<class>/…` and yield a dict for each epoch.

    Keys: epoch, train_loss, train_accuracy, val_loss, val_accuracy, best_val_accuracy, seconds.
    Without a weights_file the model starts from random weights. step_schedule is (epochs, factor):
    the learning rate is multiplied by the factor each time that many epochs have passed. network
    replaces torchvision's.
    """
    torch.manual_seed(seed)
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    normalize = transforms.Normalize(network.mean, network.std) if network else _NORMALIZE
    image_transforms = {
        "train": transforms.Compose(
            [
                transforms.RandomResizedCrop(input_size),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                normalize,
            ]
        ),
        "val": transforms.Compose(
            [
                transforms.Resize(input_size),
                transforms.CenterCrop(input_size),
                transforms.ToTensor(),
                normalize,
            ]
        ),
    }
    splits = {
        name: datasets.ImageFolder(folder / name, transform)
        for name, transform in image_transforms.items()
    }
    loaders = {
        name: DataLoader(split, batch_size=batch_size, shuffle=True, num_workers=4)
        for name, split in splits.items()
    }
    num_classes = len(splits["train"].classes)
    if network is None:
        model = _build(architecture, num_classes, weights_file, feature_extract)
    else:
        model = network.build(num_classes)
    model = model.to(device)
    optimizer = SGD([p for p in model.parameters() if p.requires_grad], lr=0.001, momentum=0.9)
    scheduler = StepLR(optimizer, *step_schedule) if step_schedule else None
    criterion = nn.CrossEntropyLoss()
    best_accuracy, best_weights = 0.0, copy.deepcopy(model.state_dict())
    for epoch in range(1, epochs + 1):
        started = time.perf_counter()
        row: dict[str, Any] = {"epoch": epoch}
        for name, loader in loaders.items():
            is_training = name == "train"
            model.train(is_training)
            loss_sum, num_correct = 0.0, 0
            for batch, labels in loader:
                images, targets = batch.to(device), labels.to(device)
                optimizer.zero_grad()
                with torch.set_grad_enabled(is_training):
                    scores = model(images)
                    loss = criterion(scores, targets)
                    if is_training:
                        loss.backward()
                        optimizer.step()
                loss_sum += loss.item() * len(targets)
                num_correct += int((scores.argmax(1) == targets).sum())
            row[f"{name}_loss"] = loss_sum / len(splits[name])
            row[f"{name}_accuracy"] = num_correct / len(splits[name])
        if row["val_accuracy"] > best_accuracy:
            best_accuracy = row["val_accuracy"]
            best_weights = copy.deepcopy(model.state_dict())
        if scheduler is not None:
            scheduler.step()
        yield {
            **row,
            "best_val_accuracy": best_accuracy,
            "seconds": time.perf_counter() - started,
        }
    model.load_state_dict(best_weights)


def _build(
    architecture: str, num_classes: int, weights_file: Path | None, feature_extract: bool
) -> nn.Module:
    model: nn.Module = models.get_model(architecture, weights=None)
    if weights_file is not None:
        model.load_state_dict(load_file(weights_file))
    for parameter in model.parameters():
        parameter.requires_grad = not feature_extract
    parent, _, name = _HEADS[architecture].rpartition(".")
    old = model.get_submodule(_HEADS[architecture])
    new: nn.Module
    if isinstance(old, nn.Linear):
        new = nn.Linear(old.in_features, num_classes)
    elif isinstance(old, nn.Conv2d):
        new = nn.Conv2d(old.in_channels, num_classes, kernel_size=1)
    else:
        raise TypeError(f"the head of {architecture} is neither Linear nor Conv2d")
    setattr(model.get_submodule(parent), name, new)
    return model


def find_split_folder(root: Path) -> Path:
    """Return the folder that holds `train` and `val`: root or one of its subfolders."""
    for folder in (root, *sorted(root.iterdir())):
        if (folder / "train").is_dir() and (folder / "val").is_dir():
            return folder
    raise SystemExit(f"{root} has no folders `train` and `val`; each needs one folder per class")


def main() -> None:
    """Train, and print one JSON line per epoch."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder or zip with train/ and val/"
    )
    parser.add_argument("--weights-dir", type=Path, help="folder with <architecture>.safetensors")
    parser.add_argument("--architecture", choices=sorted(_HEADS), default="squeezenet1_0")
    parser.add_argument("--weights", choices=["imagenet", "none"], default="imagenet")
    strategy = parser.add_mutually_exclusive_group()
    strategy.add_argument(
        "--feature-extract", action="store_true", dest="feature_extract", default=True
    )
    strategy.add_argument("--fine-tune", action="store_false", dest="feature_extract")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    weights_file = None
    if arguments.weights == "imagenet":
        if arguments.weights_dir is None:
            parser.error("--weights imagenet needs --weights-dir")
        weights_file = arguments.weights_dir / f"{arguments.architecture}.safetensors"
    with ExitStack() as stack:
        folder = arguments.data
        if folder.is_file():
            unpacked = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            with zipfile.ZipFile(folder) as archive:
                archive.extractall(unpacked)
            folder = unpacked
        rows = run(
            find_split_folder(folder),
            architecture=arguments.architecture,
            weights_file=weights_file,
            feature_extract=arguments.feature_extract,
            epochs=arguments.epochs,
            seed=arguments.seed,
        )
        for row in rows:
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
