"""Every route gives an image the same probabilities as validation."""

import base64
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from torch.nn.functional import softmax

from app.db.session import Database
from app.ml.images.preprocessing import normalize
from app.ml.models import checkpoint
from app.settings import Settings
from app.storage import LocalStorage
from tests.batches import make_archive, run_next_batch
from tests.engines import ENGINES
from tests.images import list_forms
from tests.models import CLASS_NAMES, register_model
from worker.training.cache import decode, eval_form
from worker.training.data import Sample

MODEL = "ants-and-bees"
FORMS = list_forms()

TOLERANCE = {"fp32": 1e-3, "bf16": 2e-2}
"""Maximum difference of a probability, by the engine's precision."""

Answer = Mapping[str, float]


@pytest.fixture(params=ENGINES, ids="-".join)
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    engine, precision = request.param
    return settings.model_copy(update={"predict_engine": engine, "predict_precision": precision})


@pytest.fixture
def validated(database: Database, storage: LocalStorage, tmp_path: Path) -> dict[str, Answer]:
    """The probabilities from validation's code for each form, read from a file as in training."""
    register_model(database, storage, MODEL)
    path = storage.path(f"jobs/{MODEL}/0/model.safetensors")
    model, header = checkpoint.restore_model(checkpoint.load(path))
    answers: dict[str, Answer] = {}
    for name, content in FORMS.items():
        file = tmp_path / name.replace(":", "")
        file.write_bytes(content)
        pixels = decode(Sample(0, file, 0, 0, 0), eval_form(header.preprocessing))
        logits = model(normalize(pixels[None], header.preprocessing)).detach()
        probabilities = softmax(logits[0], dim=0).tolist()
        answers[name] = dict(zip(header.class_names, probabilities, strict=True))
    return answers


@pytest.fixture
def close(settings: Settings) -> Any:
    def is_close(answer: Answer) -> Any:
        return pytest.approx(answer, abs=TOLERANCE[settings.predict_precision])

    return is_close


def read(predictions: list[dict[str, Any]]) -> Answer:
    return {prediction["label"]: prediction["probability"] for prediction in predictions}


def test_predict_equals_validation_for_every_form(
    client: TestClient, validated: dict[str, Answer], close: Any
) -> None:
    for name, content in FORMS.items():
        answer = client.post("/predict", files={"image": content})
        assert answer.status_code == 200, (name, answer.text)
        assert read(answer.json()["predictions"]) == close(validated[name]), name
    assert len({round(answer["ants"], 3) for answer in validated.values()}) > 5  # they do differ


def test_other_images_do_not_change_a_result(
    client: TestClient, validated: dict[str, Answer], close: Any
) -> None:
    files = [("image", content) for content in FORMS.values()]
    together = client.post("/predict", files=files).json()["results"]
    assert {
        name: read(result["predictions"]) for name, result in zip(FORMS, together, strict=True)
    } == {name: close(answer) for name, answer in validated.items()}


def test_concurrent_requests_get_the_same_results_as_single_ones(
    client: TestClient, validated: dict[str, Answer], close: Any
) -> None:
    def send(name: str) -> Answer:
        headers = {"Content-Type": "application/octet-stream"}
        answer = client.post("/predict", content=FORMS[name], headers=headers)
        return read(answer.json()["predictions"])

    names = [name for name in FORMS if name != "jpeg-huge"] * 2
    with ThreadPoolExecutor(8) as pool:
        for name, answer in zip(names, pool.map(send, names), strict=True):
            assert answer == close(validated[name]), name


def test_the_open_inference_protocol_returns_the_same(
    client: TestClient, validated: dict[str, Answer], close: Any
) -> None:
    files = [base64.b64encode(content).decode() for content in FORMS.values()]
    image = {"name": "image", "datatype": "BYTES", "shape": [len(files)], "data": files}
    answer = client.post(f"/v2/models/{MODEL}/infer", json={"inputs": [image]})
    assert answer.status_code == 200, answer.text
    outputs = {output["name"]: output for output in answer.json()["outputs"]}
    num_images, num_classes = outputs["probabilities"]["shape"]
    assert (num_images, num_classes) == (len(FORMS), len(CLASS_NAMES))
    served = outputs["probabilities"]["data"]
    rows = [served[start : start + num_classes] for start in range(0, len(served), num_classes)]
    assert [dict(zip(CLASS_NAMES, row, strict=True)) for row in rows] == [
        close(answer) for answer in validated.values()
    ]


def test_a_batch_returns_the_same(
    client: TestClient,
    database: Database,
    settings: Settings,
    storage: LocalStorage,
    validated: dict[str, Answer],
    close: Any,
) -> None:
    files = {f"{name.replace(':', '')}.png": content for name, content in FORMS.items()}
    posted = client.post("/predictions", files={"file": ("forms.zip", make_archive(files))})
    run_next_batch(database, settings, storage)
    lines = client.get(f"{posted.headers['Location']}/results").text.splitlines()
    served = {line["path"]: read(line["predictions"]) for line in map(json.loads, lines)}
    assert served == {
        path: close(answer) for path, answer in zip(files, validated.values(), strict=True)
    }
