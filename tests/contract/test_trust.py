"""POST /predict with prediction sets, novelty, logits and explanations."""

import io
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from app.db.session import Database
from app.ml.images.pil_decoding import decode_image
from app.ml.images.preprocessing import eval_pixels, to_pixels
from app.ml.models import checkpoint
from app.ml.models.catalogue import get_architecture
from app.ml.runtime.scoring import ScoringNetwork
from app.ml.trust.novelty import to_unit_length
from app.ml.trust.trust_file import Trust
from app.storage import LocalStorage
from tests.images import draw_picture, encode
from tests.models import CLASS_NAMES, PREPROCESSING, register_model, save_model

PICTURES = [encode(draw_picture(seed=seed)) for seed in range(3)]
TEMPERATURE = 2.0


def score(storage: LocalStorage, pictures: Sequence[bytes]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits and features of the images by the model of `save_model`."""
    save_model(storage, "again.safetensors")
    path = storage.path("again.safetensors")
    model, header = checkpoint.restore_model(checkpoint.load(path))
    network = ScoringNetwork(model, get_architecture(header.architecture), header.preprocessing)
    pixels = [eval_pixels(to_pixels(decode_image(p)), header.preprocessing) for p in pictures]
    with torch.inference_mode():
        logits, features = network(torch.stack(pixels))
    return logits, features


@pytest.fixture
def logits(database: Database, storage: LocalStorage) -> torch.Tensor:
    """Register a calibrated model `trusted`; returns its logits of the images.

    Its training images are the first picture alone; for 50 % one label will do, for 95 % it takes
    all, for more its 99 validation images are too few.
    """
    logits, features = score(storage, PICTURES)
    own = torch.cat([torch.zeros(10), torch.ones(89)])
    neighbours = to_unit_length(features[:1]).half().float()
    trust = Trust(TEMPERATURE, own, neighbours, torch.linspace(0.0, 0.002, 99))
    register_model(database, storage, "trusted", trust=trust)
    return logits


def post(client: TestClient, *images: bytes, **params: Any) -> Any:
    return client.post("/predict", files=[("image", image) for image in images], params=params)


def test_probabilities_are_calibrated_and_logits_are_not(
    client: TestClient, logits: torch.Tensor
) -> None:
    predictions = post(client, PICTURES[1], logits=True).json()["predictions"]
    calibrated = (logits[1] / TEMPERATURE).softmax(0).tolist()
    by_label = {p["label"]: (p["probability"], p["logit"]) for p in predictions}
    for index, label in enumerate(CLASS_NAMES):
        assert by_label[label][0] == pytest.approx(calibrated[index], abs=1e-4)
        assert by_label[label][1] == pytest.approx(float(logits[1, index]), abs=1e-3)
    plain = post(client, PICTURES[1]).json()["predictions"]
    assert {p["logit"] for p in plain} == {None}


@pytest.mark.usefixtures("logits")
def test_coverage_adds_a_prediction_set_to_each_image(client: TestClient) -> None:
    results = post(client, *PICTURES, coverage=0.5).json()["results"]
    for result in results:
        best = result["predictions"][0]["label"]
        assert result["prediction_set"] == {
            "coverage": 0.5,
            "labels": [best],
            "abstained": False,
        }
    wary = post(client, PICTURES[0], coverage=0.95, top_k=1).json()
    assert len(wary["predictions"]) == 1
    assert sorted(wary["prediction_set"]["labels"]) == list(CLASS_NAMES)
    assert wary["prediction_set"]["abstained"] is True
    assert post(client, PICTURES[0]).json()["prediction_set"] is None
    assert len(post(client, PICTURES[0], coverage=0.999).json()["prediction_set"]["labels"]) == 3


@pytest.mark.usefixtures("logits")
def test_an_image_unlike_the_training_images_is_novel(client: TestClient) -> None:
    known, *others = (r["novelty"] for r in post(client, *PICTURES).json()["results"])
    assert known["is_novel"] is False
    assert known["score"] <= known["limit"] < 0.01
    for other in others:
        assert other["is_novel"] is True
        assert other["score"] > other["limit"]


def test_the_error_of_an_uncalibrated_version_says_how_to_calibrate(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage)
    refused = post(client, PICTURES[0], coverage=0.9)
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_CALIBRATED")
    assert "train the model again" in refused.json()["detail"]
    assert post(client, *PICTURES, coverage=0.9).status_code == 409
    assert post(client, PICTURES[0]).json()["novelty"] is None


@pytest.mark.usefixtures("logits")
@pytest.mark.parametrize(
    "query", [{"coverage": 0.4}, {"coverage": 1}, {"coverage": "much"}, {"explain": "perhaps"}]
)
def test_invalid_options_are_refused(client: TestClient, query: dict[str, Any]) -> None:
    refused = post(client, PICTURES[0], **query)
    assert (refused.status_code, refused.json()["code"]) == (422, "VALIDATION")


@pytest.mark.usefixtures("logits")
def test_an_explanation_is_a_heat_map_of_the_preprocessed_image(client: TestClient) -> None:
    single = post(client, PICTURES[0], explain=True).json()
    several = post(client, *PICTURES[:2], explain=True, top_k=1).json()["results"]
    for result in (single, *several):
        seen = result["explanation"]
        assert seen["label"] == result["predictions"][0]["label"]
        picture = Image.open(io.BytesIO(b64decode(seen["heatmap_png"], validate=True)))
        assert (picture.format, picture.mode) == ("PNG", "RGB")
        assert picture.size == (PREPROCESSING.input_size, PREPROCESSING.input_size)
    assert single["explanation"] == several[0]["explanation"] != several[1]["explanation"]
    assert post(client, PICTURES[0]).json()["explanation"] is None
