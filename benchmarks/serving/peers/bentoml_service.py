"""BentoML with adaptive batching and one worker a core.

A batchable API takes a list, and images of a list come as parts of a form: each request has one.
Source: https://docs.bentoml.com (adaptive batching; parallelize requests handling).
"""

from typing import Any

import bentoml
import torch
from PIL.Image import Image

from benchmarks.serving.peers.classifier import Classifier, Served

served = Served.from_environment()


@bentoml.service(workers=served.workers, traffic={"timeout": 60})
class ClassifierService:
    """Decoded and run in the workers, as batches form."""

    def __init__(self) -> None:
        self.classifier = Classifier(served)

    @bentoml.api(batchable=True, max_batch_size=served.max_batch_size)
    def predict(self, images: list[Image]) -> list[dict[str, Any]]:
        """Classify the images of a batch."""
        prepared = [self.classifier.prepare(image) for image in images]
        return self.classifier.classify(torch.stack(prepared))
