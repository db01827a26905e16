"""Serve with mosec, with dynamic batching and one worker per core.

Source: https://mosecorg.github.io/mosec (examples: PyTorch, image recognition).
"""

import sys
from typing import Any

import torch
from mosec import Server, Worker
from torch import Tensor

from benchmarks.serving.peers.classifier import Classifier, ServingConfig

config = ServingConfig.from_environment()


class ClassifierWorker(Worker):
    """A single stage that decodes the images and runs the model in one process."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = Classifier(config)

    def deserialize(self, data: bytes) -> Tensor:
        return self.classifier.open(data)

    def forward(self, data: list[Tensor]) -> list[dict[str, Any]]:
        return self.classifier.classify(torch.stack(data))


if __name__ == "__main__":
    sys.argv += ["--address", "127.0.0.1", "--port", str(config.port), "--timeout", "60000"]
    sys.argv += ["--log-level", "warning"]
    server = Server()
    server.append_worker(
        ClassifierWorker,
        num=config.workers,
        max_batch_size=config.max_batch_size,
        max_wait_time=round(config.max_wait_seconds * 1000),
    )
    server.run()
