"""Serve with FastAPI as in most tutorials: one route in one process, on FastAPI's thread pool."""

from typing import Annotated, Any

import uvicorn
from fastapi import Body, FastAPI

from benchmarks.serving.peers.classifier import Classifier, ServingConfig

config = ServingConfig.from_environment()
app = FastAPI()
classifier = Classifier(config)


@app.post("/predict")
def predict(image: Annotated[bytes, Body(media_type="image/jpeg")]) -> dict[str, Any]:
    """Classify the image that is the request's body."""
    return classifier.classify(classifier.open(image)[None])[0]


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=config.port, log_level="warning")
