"""Serve with BentoML, with adaptive batching and one worker per core.

A batchable API takes a list of images from the parts of a form. Each request has one image.
Source: https://docs.bentoml.com (adaptive batching; parallelize requests handling).
"""

from typing import Any

import bentoml
import torch
from PIL.Image import Image

from benchmarks.serving.peers.classifier import Classifier, ServingConfig

config = ServingConfig.from_environment()


@bentoml.service(workers=config.workers, traffic={"timeout": 60})
class ClassifierService:
    """A service whose workers decode the images and run the model."""

    def __init__(self) -> None:
        self.classifier = Classifier(config)

    @bentoml.api(batchable=True, max_batch_size=config.max_batch_size)
    def predict(self, images: list[Image]) -> list[dict[str, Any]]:
        """Classify the images of a batch."""
        prepared = [self.classifier.prepare(image) for image in images]
        return self.classifier.classify(torch.stack(prepared))
