"""The transforms of torchvision's references and tutorials, for peers that bring none."""

from pathlib import Path

from torchvision import datasets, transforms

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def open_split(folder: Path, split: str, input_size: int) -> datasets.ImageFolder:
    """A split as float32 [3, input_size, input_size]: random crops in train, the centre in val."""
    varied = [transforms.RandomResizedCrop(input_size), transforms.RandomHorizontalFlip()]
    fixed = [
        transforms.Resize(round(input_size / 0.875)),
        transforms.CenterCrop(input_size),
    ]
    chosen = varied if split == "train" else fixed
    return datasets.ImageFolder(
        str(folder / split),
        transforms.Compose([*chosen, transforms.ToTensor(), transforms.Normalize(MEAN, STD)]),
    )
