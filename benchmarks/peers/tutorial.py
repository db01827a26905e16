"""Train with the loop of the PyTorch tutorials, unchanged."""

from typing import Any

from benchmarks import tutorial_loop
from benchmarks.peers.request import EpochClock, Request

SETTINGS: dict[str, Any] = {
    "source": "PyTorch, Finetuning Torchvision Models: as printed",
    "batch_size": 8,
    "epochs": 15,
    "optimizer": "SGD 0.001, momentum 0.9",
    "schedule": "none",
    "workers": 4,
    "head": "torchvision's, with its ReLU",
}


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
    ):
        clock.end_epoch(row["val_accuracy"])
