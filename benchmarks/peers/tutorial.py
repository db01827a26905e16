"""Train with the loop of the PyTorch tutorials, unchanged."""

from functools import partial
from typing import Any

from benchmarks import tutorial_loop
from benchmarks.peers.network import SQUEEZENET, PooledClassifier, get_network
from benchmarks.peers.request import EpochClock, Request
from benchmarks.tutorial_loop import NetworkParts

SETTINGS: dict[str, Any] = {
    "source": "PyTorch, Finetuning Torchvision Models: as printed",
    "batch_size": 8,
    "epochs": 15,
    "optimizer": "SGD 0.001, momentum 0.9",
    "schedule": "none",
    "workers": 4,
    "head": "torchvision's, with its ReLU",
}


def find_parts(request: Request) -> NetworkParts | None:
    """Return the network, unless it is one of torchvision's, which the loop builds itself."""
    if request.architecture == SQUEEZENET:
        return None
    network = get_network(request.architecture)
    build = partial(
        PooledClassifier,
        request.architecture,
        request.weights_file,
        is_frozen=request.strategy == "feature_extract",
    )
    return NetworkParts(build, network.mean, network.std)


def train(request: Request, clock: EpochClock) -> None:
    """Run the loop for 15 epochs, or for request.epochs."""
    clock.begin_epochs()
    for row in tutorial_loop.run(
        request.folder,
        weights_file=request.weights_file,
        feature_extract=request.strategy == "feature_extract",
        epochs=request.epochs or SETTINGS["epochs"],
        seed=request.seed,
        input_size=request.input_size,
        network=find_parts(request),
    ):
        clock.end_epoch(row["val_accuracy"])
