"""Load images with torchvision's standard transforms, for peers without their own."""

from pathlib import Path

from torchvision import datasets, transforms

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def open_split(folder: Path, split: str, input_size: int) -> datasets.ImageFolder:
    """Open a split as float32 [3, input_size, input_size]; random crops in train, centre in val."""
    train_transforms = [transforms.RandomResizedCrop(input_size), transforms.RandomHorizontalFlip()]
    val_transforms = [
        transforms.Resize(round(input_size / 0.875)),
        transforms.CenterCrop(input_size),
    ]
    chosen = train_transforms if split == "train" else val_transforms
    return datasets.ImageFolder(
        str(folder / split),
        transforms.Compose([*chosen, transforms.ToTensor(), transforms.Normalize(MEAN, STD)]),
    )
