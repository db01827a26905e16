"""Train with the loop, schedule, batch size and epochs of PyTorch's transfer-learning tutorial."""

from typing import Any

from benchmarks import tutorial_loop
from benchmarks.peers.request import EpochClock, Request

SETTINGS: dict[str, Any] = {
    "source": "PyTorch, Transfer Learning for Computer Vision: as printed",
    "batch_size": 4,
    "epochs": 25,
    "optimizer": "SGD 0.001, momentum 0.9",
    "schedule": "StepLR 7 epochs, 0.1",
    "workers": 4,
    "head": "torchvision's, with its ReLU",
}


def train(request: Request, clock: EpochClock) -> None:
    """Run the loop for 25 epochs, or for request.epochs."""
    clock.begin_epochs()
    for row in tutorial_loop.run(
        request.folder,
        weights_file=request.weights_file,
        feature_extract=request.strategy == "feature_extract",
        epochs=request.epochs or SETTINGS["epochs"],
        seed=request.seed,
        input_size=request.input_size,
        batch_size=SETTINGS["batch_size"],
        step_schedule=(7, 0.1),
    ):
        clock.end_epoch(row["val_accuracy"])
