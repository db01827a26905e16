"""POST /predict with a real model behind the whole application."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.ml.images.pil_decoding import decode_image
from app.ml.images.preprocessing import prepare_eval
from app.ml.models import checkpoint
from app.settings import Settings
from app.storage import LocalStorage
from tests.damage import flip_last_bit, overwrite, truncate
from tests.images import draw_picture, encode, make_pixel_bomb
from tests.models import CLASS_NAMES, register_model

MODEL = "ants-and-bees"
PICTURES = [encode(draw_picture(seed=seed)) for seed in range(3)]
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
TRUNCATED = encode(draw_picture(size=(400, 300)), "JPEG")[:-2000]


@pytest.fixture(autouse=True)
def version(database: Database, storage: LocalStorage) -> int:
    return register_model(database, storage, MODEL)


def post(client: TestClient, *images: bytes, **params: Any) -> Any:
    return client.post("/predict", files=[("image", image) for image in images], params=params)


def problem_of(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def compute_directly(storage: LocalStorage, image: bytes, *, seed: int = 0) -> dict[str, float]:
    """Compute the probabilities as validation does, from the functions of app.ml."""
    path = storage.path(f"jobs/{MODEL}/{seed}/model.safetensors")
    model, header = checkpoint.restore_model(checkpoint.load(path))
    pixels = prepare_eval(decode_image(image), header.preprocessing)
    probabilities = model(pixels[None]).detach().softmax(dim=1)[0].tolist()
    return dict(zip(header.class_names, probabilities, strict=True))


def by_label(predictions: list[dict[str, Any]]) -> dict[str, float]:
    return {p["label"]: p["probability"] for p in predictions}


def without_time(answer: Any) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert body.pop("inference_ms") > 0
    return body


def test_an_image_gets_the_same_probabilities_as_in_validation(
    client: TestClient, storage: LocalStorage
) -> None:
    answer = post(client, PICTURES[0])
    assert answer.status_code == 200
    body = without_time(answer)
    assert body["model"] == {"name": MODEL, "version": 1}
    assert by_label(body["predictions"]) == pytest.approx(
        compute_directly(storage, PICTURES[0]), abs=1e-6
    )
    probabilities = [p["probability"] for p in body["predictions"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=1e-6)
    assert max(probabilities) > 0.4  # the model does tell its classes apart


@pytest.mark.parametrize(("top_k", "num_returned"), [(1, 1), (2, 2), (3, 3), (1000, 3)])
def test_top_k_returns_the_most_probable_classes(
    client: TestClient, top_k: int, num_returned: int
) -> None:
    predictions = post(client, PICTURES[0], top_k=top_k).json()["predictions"]
    assert predictions == post(client, PICTURES[0]).json()["predictions"][:num_returned]
    assert len(predictions) == num_returned


@pytest.mark.parametrize(
    "content_type", ["image/png", "image/jpeg; q=1", "application/octet-stream", "IMAGE/PNG"]
)
def test_an_image_may_be_the_whole_body(client: TestClient, content_type: str) -> None:
    raw = client.post("/predict", content=PICTURES[0], headers={"Content-Type": content_type})
    assert without_time(raw) == without_time(post(client, PICTURES[0]))


def test_each_of_several_images_gets_the_same_result_as_alone(client: TestClient) -> None:
    together = without_time(post(client, *PICTURES))
    alone = [without_time(post(client, picture)) for picture in PICTURES]
    assert together["model"] == {"name": MODEL, "version": 1}
    for in_company, by_itself in zip(together["results"], alone, strict=True):
        assert by_label(in_company["predictions"]) == pytest.approx(
            by_label(by_itself["predictions"]), abs=1e-5
        )
    assert alone[0]["predictions"] != alone[1]["predictions"] != alone[2]["predictions"]


def test_invalid_images_among_several_have_errors_in_their_place(client: TestClient) -> None:
    bad = [SVG, TRUNCATED, make_pixel_bomb()]
    answer = post(client, PICTURES[0], *bad, PICTURES[1])
    assert answer.status_code == 200
    first, *failed, last = answer.json()["results"]
    assert [f["error"]["code"] for f in failed] == [
        "UNSUPPORTED_IMAGE",
        "IMAGE_CORRUPT",
        "IMAGE_TOO_LARGE",
    ]
    assert all(f["error"]["message"] for f in failed)
    for picture, answered in ((PICTURES[0], first), (PICTURES[1], last)):
        alone = by_label(post(client, picture).json()["predictions"])
        assert by_label(answered["predictions"]) == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        pytest.param(SVG, (415, "UNSUPPORTED_IMAGE"), id="svg"),
        pytest.param(b"%PDF-1.7\n", (415, "UNSUPPORTED_IMAGE"), id="pdf"),
        pytest.param(b"a text", (415, "UNSUPPORTED_IMAGE"), id="text"),
        pytest.param(b"", (415, "UNSUPPORTED_IMAGE"), id="empty part"),
        pytest.param(TRUNCATED, (422, "IMAGE_CORRUPT"), id="truncated"),
        pytest.param(make_pixel_bomb(), (413, "IMAGE_TOO_LARGE"), id="pixel bomb"),
    ],
)
def test_a_single_invalid_image_fails_the_request(
    client: TestClient, storage: LocalStorage, image: bytes, problem: tuple[int, str]
) -> None:
    files = list(storage.list_keys())
    assert problem_of(post(client, image)) == problem
    assert list(storage.list_keys()) == files
    assert post(client, PICTURES[0]).status_code == 200


@pytest.mark.parametrize(
    ("request_parts", "problem"),
    [
        pytest.param({"files": {"file": b"x"}}, (422, "VALIDATION"), id="no image part"),
        pytest.param(
            {"files": {"image": PICTURES[0]}, "data": {"model": MODEL}},
            (422, "VALIDATION"),
            id="model as a part",
        ),
        pytest.param({}, (415, "UNSUPPORTED_IMAGE"), id="no body"),
        pytest.param(
            {"content": b"", "headers": {"Content-Type": "image/png"}},
            (422, "VALIDATION"),
            id="empty body",
        ),
        pytest.param({"json": {"image": "x"}}, (415, "UNSUPPORTED_IMAGE"), id="json"),
        pytest.param(
            {"content": b"%PDF-1.7", "headers": {"Content-Type": "application/pdf"}},
            (415, "UNSUPPORTED_IMAGE"),
            id="pdf as body",
        ),
        pytest.param(
            {
                "content": b"--x\r\nbad",
                "headers": {"Content-Type": "multipart/form-data; boundary=x"},
            },
            (400, "BODY_INCOMPLETE"),
            id="form ends early",
        ),
    ],
)
def test_a_body_without_an_image_is_refused(
    client: TestClient, request_parts: dict[str, Any], problem: tuple[int, str]
) -> None:
    assert problem_of(client.post("/predict", **request_parts)) == problem
    assert post(client, PICTURES[0]).status_code == 200


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"model": "unknown"}, (404, "NOT_FOUND")),
        ({"model": f"{MODEL}:2"}, (404, "NOT_FOUND")),
        ({"model": f"{MODEL}@live"}, (404, "NOT_FOUND")),
        ({"model": "No Model"}, (422, "VALIDATION")),
        ({"model": "imagenet"}, (422, "VALIDATION")),
        ({"top_k": 0}, (422, "VALIDATION")),
        ({"top_k": 1001}, (422, "VALIDATION")),
        ({"top_k": "many"}, (422, "VALIDATION")),
        ({"topk": 1}, (422, "VALIDATION")),
    ],
)
def test_wrong_parameters_are_refused(
    client: TestClient, params: dict[str, Any], problem: tuple[int, str]
) -> None:
    assert problem_of(post(client, PICTURES[0], **params)) == problem


def test_the_query_selects_the_version(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage, MODEL, seed=1)
    for reference, version in ((f"{MODEL}:1", 1), (f"{MODEL}:2", 2), (MODEL, 2)):
        body = post(client, PICTURES[0], model=reference).json()
        assert body["model"]["version"] == version
        assert by_label(body["predictions"]) == pytest.approx(
            compute_directly(storage, PICTURES[0], seed=version - 1), abs=1e-6
        )


def test_promotion_and_rollback_take_effect_on_the_next_predict(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage, MODEL, seed=1)
    assert post(client, PICTURES[0]).json()["model"]["version"] == 1
    client.put("/serving", json={"model": MODEL})
    alias = f"/models/{MODEL}/aliases/champion"
    for version in (1, 2, 1):
        client.put(alias, json={"version": version})
        body = post(client, PICTURES[0]).json()
        assert body["model"]["version"] == version
        assert by_label(body["predictions"]) == pytest.approx(
            compute_directly(storage, PICTURES[0], seed=version - 1), abs=1e-6
        )


def test_the_chosen_model_is_the_default(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage, "other", seed=1)
    assert post(client, PICTURES[0]).json()["model"]["name"] == MODEL
    client.put("/serving", json={"model": "other"})
    assert post(client, PICTURES[0]).json()["model"]["name"] == "other"


class TestBeforeAnyModel:
    @pytest.fixture(autouse=True)
    def version(self) -> None:
        """Register nothing."""

    def test_the_error_is_model_not_ready(self, client: TestClient) -> None:
        assert problem_of(post(client, PICTURES[0])) == (409, "MODEL_NOT_READY")


class TestWithSmallLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(
            update={"max_image_bytes": 20_000, "max_predict_bytes": 50_000, "predict_queue_size": 3}
        )

    def test_an_image_over_the_limit_is_refused(self, client: TestClient) -> None:
        image = b"\x89PNG\r\n\x1a\n" + bytes(20_000)
        headers = {"Content-Type": "image/png"}
        assert problem_of(post(client, image)) == (413, "BODY_TOO_LARGE")
        raw = client.post("/predict", content=image, headers=headers)
        assert problem_of(raw) == (413, "BODY_TOO_LARGE")
        assert post(client, PICTURES[0]).status_code == 200

    def test_a_body_over_the_limit_is_refused_declared_or_chunked(self, client: TestClient) -> None:
        part = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n'
        chunks = [part + bytes(19_000) + b"\r\n"] * 3
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        for body in (b"".join(chunks), iter(chunks)):
            answer = client.post("/predict", content=body, headers=headers)
            assert problem_of(answer) == (413, "BODY_TOO_LARGE")
        assert post(client, PICTURES[0]).status_code == 200

    def test_more_images_than_the_queue_holds_are_refused(self, client: TestClient) -> None:
        small = encode(draw_picture(size=(8, 8)))
        assert post(client, *[small] * 3).status_code == 200
        assert problem_of(post(client, *[small] * 4)) == (422, "VALIDATION")


def test_a_damaged_file_is_an_error_that_is_not_cached(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage, MODEL, seed=1)
    client.put("/serving", json={"model": MODEL})
    path = storage.path(f"jobs/{MODEL}/1/model.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    answer = post(client, PICTURES[0])
    assert problem_of(answer) == (503, "CHECKPOINT_INVALID")
    assert f"{MODEL}:2" in answer.json()["detail"]
    assert str(storage.root) not in answer.text
    assert client.get("/readyz").json()["status"] == "degraded"
    assert post(client, PICTURES[0], model=f"{MODEL}:1").status_code == 200
    path.write_bytes(whole)
    assert post(client, PICTURES[0]).status_code == 200
    assert client.get("/readyz").json()["status"] == "ok"


def test_an_altered_file_that_still_loads_is_refused(
    client: TestClient, database: Database, storage: LocalStorage
) -> None:
    register_model(database, storage, MODEL, seed=1)
    client.put("/serving", json={"model": MODEL})
    path = storage.path(f"jobs/{MODEL}/1/model.safetensors")
    flip_last_bit(path)
    checkpoint.load(path)  # safetensors itself notices nothing
    answer = post(client, PICTURES[0])
    assert problem_of(answer) == (503, "CHECKPOINT_INVALID")
    assert "sha256" in answer.json()["detail"]
    path.unlink()
    assert problem_of(post(client, PICTURES[0])) == (503, "CHECKPOINT_INVALID")


@pytest.mark.parametrize("damage", [truncate, overwrite, Path.unlink])
def test_a_loaded_model_does_not_change_with_its_file(
    client: TestClient, storage: LocalStorage, damage: Callable[[Path], None]
) -> None:
    before = post(client, PICTURES[0]).json()["predictions"]
    damage(storage.path(f"jobs/{MODEL}/0/model.safetensors"))
    for _ in range(3):
        assert post(client, PICTURES[0]).json()["predictions"] == before
    assert problem_of(post(client, PICTURES[0], explain="true")) == (503, "CHECKPOINT_INVALID")


def test_the_schema_lets_swagger_ui_show_a_file_chooser(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    content = operation["requestBody"]["content"]
    image = content["multipart/form-data"]["schema"]["properties"]["image"]
    assert image["items"] == {"type": "string", "format": "binary"}
    assert {"image/*", "application/octet-stream"} < content.keys()
    assert {"400", "404", "409", "413", "415", "422", "503", "504"} < operation["responses"].keys()
    names = {p["name"] for p in operation["parameters"]}
    assert names == {"model", "top_k", "logits", "coverage", "explain"}


def test_class_names_come_from_the_checkpoint(client: TestClient) -> None:
    assert set(by_label(post(client, PICTURES[0]).json()["predictions"])) == set(CLASS_NAMES)
