"""Predictions with the Python client."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graft_client import ApiError, Batch, Graft, OutcomeError
from graft_client.errors import InvalidInput
from graft_client.pictures import Picture
from graft_client.schemas.predictions import FailedPrediction
from graft_client.synchronous import predicting
from tests.unit.client.answers import DONE, PREDICTION, as_json, batch, problem
from tests.unit.client.conftest import Answer, Service


@pytest.fixture
def predictions(graft: Graft) -> Batch:
    return Batch.read(graft.connection, batch())


def images_of(body: bytes) -> list[bytes]:
    """Return the contents of a form's parts."""
    boundary = body[: body.index(b"\r\n")]
    parts = body.split(boundary)[1:-1]
    return [part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts]


def test_options_of_a_prediction_are_sent(graft: Graft, service: Service, tmp_path: Path) -> None:
    image = tmp_path / "cat.jpg"
    image.write_bytes(b"an image")
    answer = PREDICTION | {
        "predictions": [{"label": "cats", "probability": 0.75, "logit": 2.5}],
        "prediction_set": {"coverage": 0.9, "labels": ["cats", "dogs"], "abstained": True},
        "novelty": {"score": 0.5, "limit": None, "is_novel": None},
        "explanation": {"label": "cats", "crop": 0.875, "heatmap_png": "aGk="},
    }
    service.answer("POST", "/predict", as_json(answer))
    done = graft.predict(image, model="pets@next", coverage=0.9, logits=True, explain=True, top_k=1)
    query = "model=pets%40next&explain=true&coverage=0.9&logits=true&top_k=1"
    assert service.received[0].query == query
    assert b'name="image"; filename="cat.jpg"' in service.received[0].body
    assert (done.label, done.probability, done.predictions[0].logit) == ("cats", 0.75, 2.5)
    assert done.prediction_set is not None
    assert done.prediction_set.abstained
    assert done.explanation is not None
    assert done.explanation.png == b"hi"
    assert "image" not in done.model_dump()
    graft.predict(str(image))
    assert service.received[1].query == ""


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "CMYK"])
def test_an_image_of_pillow_keeps_its_pixels(graft: Graft, service: Service, mode: str) -> None:
    service.answer("POST", "/predict", as_json(PREDICTION))
    image = Image.new("RGB", (5, 4), (10, 200, 30)).convert(mode)
    graft.predict(image)
    (sent,) = images_of(service.received[0].body)
    with Image.open(BytesIO(sent)) as received:
        assert received.convert("RGB").tobytes() == image.convert("RGB").tobytes()


def test_an_image_of_pillow_keeps_its_orientation(graft: Graft, service: Service) -> None:
    service.answer("POST", "/predict", as_json(PREDICTION))
    image = Image.new("RGB", (5, 4))
    image.getexif()[0x0112] = 6
    graft.predict(image)
    with Image.open(BytesIO(images_of(service.received[0].body)[0])) as received:
        assert received.getexif()[0x0112] == 6


def test_arrays_bytes_and_pictures_are_images(graft: Graft, service: Service) -> None:
    service.answer("POST", "/predict", as_json({**PREDICTION, "results": [PREDICTION] * 4}))
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    color = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    answers = graft.predict([grey, color, b"bytes", Picture(b"picture", "image/png")])
    assert [one.label for one in answers if not isinstance(one, FailedPrediction)] == ["cats"] * 4
    first, second, *rest = images_of(service.received[0].body)
    with Image.open(BytesIO(first)) as image:
        assert (np.asarray(image) == grey).all()
    with Image.open(BytesIO(second)) as image:
        assert (np.asarray(image) == color).all()
    assert rest == [b"bytes", b"picture"]


def test_a_long_list_is_sent_in_several_requests(
    graft: Graft, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "IMAGES_PER_REQUEST", 2)
    error = {"error": {"code": "IMAGE_CORRUPT", "message": "cut"}}
    two = {**PREDICTION, "results": [PREDICTION, error]}
    service.answer("POST", "/predict", as_json(two), as_json(PREDICTION))
    first, second, third = graft.predict([b"1", b"2", b"3"])
    assert isinstance(second, FailedPrediction)
    assert second.error.code == "IMAGE_CORRUPT"
    assert [getattr(one, "label", None) for one in (first, third)] == ["cats", "cats"]
    assert [images_of(one.body) for one in service.received] == [[b"1", b"2"], [b"3"]]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (7, "type int"),
        (np.zeros((2, 3), np.float32), r"float32 of shape \[2, 3\]"),
        (np.zeros((2, 2, 3, 3), np.uint8), r"shape \[2, 2, 3, 3\]"),
        (np.zeros((3, 9, 9), np.uint8), r"shape \[3, 9, 9\]"),
        ([], "no images"),
    ],
)
def test_other_values_are_refused_with_what_is_allowed(
    graft: Graft, image: object, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        graft.predict(image)  # type: ignore[call-overload]


def test_a_folder_is_packed_and_predicted(graft: Graft, service: Service, tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "cat.jpg").write_bytes(b"an image")
    service.answer("POST", "/predictions", as_json(batch(), 202))
    service.answer("GET", "/predictions/pred_1", as_json(batch()), as_json(DONE))
    posted = graft.batches.upload(
        tmp_path / "pets", model="pets", top_k=1, logits=False, metadata={"a": "b"}
    )
    body = service.received[0].body
    assert b'filename="pets.zip"' in body
    assert b'name="top_k"\r\n\r\n1\r\n' in body
    assert b'name="metadata"\r\n\r\n{"a": "b"}\r\n' in body
    assert b'name="logits"' not in body
    assert posted.wait() is posted
    assert posted.counts is not None
    assert (posted.counts.images, posted.counts.failed) == (2, 1)


def test_results_are_read_and_saved(predictions: Batch, service: Service, tmp_path: Path) -> None:
    right = {"path": "a.jpg", "predictions": [{"label": "cats", "probability": 0.9}]}
    wrong = {"path": "b.jpg", "error": {"code": "IMAGE_CORRUPT", "message": "cut"}}
    text = "".join(json.dumps(line) + "\n" for line in (right, wrong)).encode()
    path = "/predictions/pred_1/results"
    service.answer("GET", path, Answer(text, content_type="application/x-ndjson"))
    first, second = predictions.results()
    assert (first.path, first.predictions[0].label, first.error) == ("a.jpg", "cats", None)
    assert second.error is not None
    assert (second.error.code, second.predictions) == ("IMAGE_CORRUPT", [])
    assert predictions.save(tmp_path / "results.csv", format="csv").read_bytes() == text
    assert service.received[-1].query == "format=csv"


def test_a_dataset_is_predicted(graft: Graft, service: Service) -> None:
    service.answer("POST", "/predictions", as_json(batch(dataset_id="ds_1"), 202))
    graft.batches.create("ds_1", split="val", coverage=0.9)
    sent = json.loads(service.received[0].body)
    assert sent == {"dataset_id": "ds_1", "split": "val", "coverage": 0.9}


def test_a_batch_without_results_is_an_error(
    predictions: Batch, service: Service, tmp_path: Path
) -> None:
    error = {"code": "ARCHIVE_INVALID", "message": "no archive"}
    failed = batch(status="failed", is_terminal=True, error=error)
    service.answer("GET", "/predictions/pred_1", as_json(failed))
    with pytest.raises(OutcomeError, match="ARCHIVE_INVALID"):
        predictions.wait()
    cancelled = batch(status="cancelled", is_terminal=True)
    service.answer("GET", "/predictions/pred_1", as_json(cancelled))
    with pytest.raises(OutcomeError, match="CANCELLED"):
        predictions.wait()
    not_yet = problem(409, "RESULTS_NOT_READY", "not yet")
    service.answer("GET", "/predictions/pred_1/results", not_yet)
    with pytest.raises(ApiError, match="RESULTS_NOT_READY"):
        predictions.save(tmp_path / "results.jsonl")
    assert not (tmp_path / "results.jsonl").exists()


def test_batches_are_listed_cancelled_and_deleted(graft: Graft, service: Service) -> None:
    service.answer("GET", "/predictions", as_json({"data": [batch()], "has_more": False}))
    service.answer("POST", "/predictions/pred_1/cancel", as_json(batch(status="cancelled"), 202))
    service.answer("DELETE", "/predictions/pred_1", Answer(b"", 204))
    (listed,) = graft.batches.list(status="queued", dataset="ds_1")
    assert service.received[-1].query == "limit=100&status=queued&dataset_id=ds_1"
    assert listed.cancel().status == "cancelled"
    listed.delete()
