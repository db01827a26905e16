"""Load images with torchvision's standard transforms, for peers without their own."""

from torchvision import datasets, transforms

from benchmarks.peers.network import get_network
from benchmarks.peers.request import Request


def open_split(request: Request, split: str, *, augmented: bool = True) -> datasets.ImageFolder:
    """Open a split as float32 [3, input_size, input_size], normalised as the weights expect.

    Training images are random crops unless augmented is False, the others centre crops.
    """
    size, network = request.input_size, get_network(request.architecture)
    random_crops = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip()]
    centre_crops = [transforms.Resize(round(size / 0.875)), transforms.CenterCrop(size)]
    chosen = random_crops if split == "train" and augmented else centre_crops
    normalize = transforms.Normalize(network.mean, network.std)
    return datasets.ImageFolder(
        str(request.folder / split),
        transforms.Compose([*chosen, transforms.ToTensor(), normalize]),
    )
