"""Serve with LitServe, with dynamic batching and one worker per core.

Source: https://lightning.ai/docs/litserve (features: batching, worker processes).
"""

from typing import Annotated, Any

import litserve
from fastapi import Body
from torch import Tensor

from benchmarks.serving.peers.classifier import Classifier, ServingConfig

config = ServingConfig.from_environment()


class ClassifierApi(litserve.LitAPI):
    """An API whose workers decode the images and run the model; LitServe stacks the batch."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - always the CPU
        self.classifier = Classifier(config)

    def decode_request(self, request: Annotated[bytes, Body(media_type="image/jpeg")]) -> Tensor:
        return self.classifier.open(request)

    def predict(self, x: Tensor) -> list[dict[str, Any]]:
        return self.classifier.classify(x)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(
        ClassifierApi(max_batch_size=config.max_batch_size, batch_timeout=config.max_wait_seconds),
        accelerator="cpu",
        devices=1,
        workers_per_device=config.workers,
        timeout=60,
    )
    server.run(host="127.0.0.1", port=config.port, generate_client_file=False, log_level="warning")
