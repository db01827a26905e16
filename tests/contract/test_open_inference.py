"""The Open Inference Protocol, tested with Triton's client over loopback."""

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient
from tritonclient.http import (
    InferenceServerClient,
    InferenceServerException,
    InferInput,
    InferRequestedOutput,
    InferResult,
)

from app.db.session import Database
from app.settings import Settings
from app.storage import LocalStorage
from tests.conftest import REPOSITORY
from tests.contract.conftest import BuildApp
from tests.contract.datasets import problem
from tests.images import draw_picture, encode, make_pixel_bomb
from tests.models import CLASS_NAMES, register_model

MODEL = "ants-and-bees"
PICTURES = [draw_picture(seed=seed) for seed in range(3)]
FILES = [encode(picture) for picture in PICTURES]
INFER = f"/v2/models/{MODEL}/infer"


@pytest.fixture(autouse=True)
def version(database: Database, storage: LocalStorage) -> int:
    return register_model(database, storage, MODEL)


@pytest.fixture
def address(settings: Settings, version: int, build_app: BuildApp) -> Iterator[str]:
    """Serve the application on a real socket."""
    assert version
    config = uvicorn.Config(build_app(settings), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    (listener,) = server.servers
    address = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    while httpx.get(f"http://{address}/readyz").status_code != httpx.codes.OK:
        time.sleep(0.01)
    yield address
    server.should_exit = True
    thread.join()


@pytest.fixture
def triton(address: str) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(address) as triton:
        yield triton


def files_input(files: list[bytes], *, binary: bool = True) -> InferInput:
    tensor = InferInput("image", [len(files)], "BYTES")
    tensor.set_data_from_numpy(np.array(files, dtype=np.object_), binary_data=binary)
    return tensor


def pixels_input(*, binary: bool = True) -> InferInput:
    pixels = np.stack([np.asarray(picture) for picture in PICTURES])
    tensor = InferInput("image", list(pixels.shape), "UINT8")
    tensor.set_data_from_numpy(pixels, binary_data=binary)
    return tensor


def as_array(result: InferResult, name: str) -> Any:
    array = result.as_numpy(name)
    assert array is not None
    return array


def predict(address: str, **params: Any) -> list[dict[str, Any]]:
    """Return the predictions of POST /predict for the same images, by class."""
    answer = httpx.post(
        f"http://{address}/predict", files=[("image", file) for file in FILES], params=params
    )
    return [
        {one["label"]: one for one in result["predictions"]} for result in answer.json()["results"]
    ]


def test_metadata_of_the_server_and_its_models(
    triton: InferenceServerClient, database: Database, storage: LocalStorage
) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    server = triton.get_server_metadata()
    assert (server["name"], server["extensions"]) == ("graft", ["binary_tensor_data"])
    register_model(database, storage, MODEL, seed=1)
    model = triton.get_model_metadata(MODEL)
    assert (model["name"], model["platform"], model["versions"]) == (MODEL, "graft", ["2", "1"])
    assert model["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": [-1]}]
    assert model["outputs"] == [
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
        {"name": "logits", "datatype": "FP32", "shape": [-1, 3]},
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
    ]
    assert model["class_names"] == list(CLASS_NAMES)
    assert triton.get_model_metadata(MODEL, "1") == model
    assert triton.is_model_ready(MODEL)
    assert triton.is_model_ready(MODEL, "2")
    assert not triton.is_model_ready(MODEL, "3")
    assert not triton.is_model_ready("unknown")


def test_files_get_the_same_results_as_predict(triton: InferenceServerClient, address: str) -> None:
    result = triton.infer(MODEL, [files_input(FILES)], request_id="seven")
    response = result.get_response()
    assert (response["model_name"], response["model_version"]) == (MODEL, "1")
    assert response["id"] == "seven"
    probabilities = as_array(result, "probabilities")
    assert (probabilities.shape, probabilities.dtype) == ((3, 3), np.float32)
    alone = predict(address)
    for row, label, by_class in zip(probabilities, as_array(result, "label"), alone, strict=True):
        values = [by_class[name]["probability"] for name in CLASS_NAMES]
        assert row.tolist() == pytest.approx(values, abs=1e-5)
        assert label.decode() == max(by_class, key=lambda name: by_class[name]["probability"])
    assert result.as_numpy("logits") is None


@pytest.mark.parametrize("binary", [True, False])
def test_decoded_pixels_get_the_same_results(triton: InferenceServerClient, binary: bool) -> None:
    by_file = as_array(triton.infer(MODEL, [files_input(FILES)]), "probabilities")
    inputs = [pixels_input(binary=binary)]
    by_pixel = as_array(triton.infer(MODEL, inputs), "probabilities")
    assert np.allclose(by_pixel, by_file, atol=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_only_the_requested_outputs_are_returned(
    triton: InferenceServerClient, address: str, binary: bool
) -> None:
    outputs = [
        InferRequestedOutput("logits", binary_data=binary),
        InferRequestedOutput("label", binary_data=not binary),
    ]
    result = triton.infer(MODEL, [files_input(FILES)], outputs=outputs)
    assert [one["name"] for one in result.get_response()["outputs"]] == ["logits", "label"]
    for row, by_class in zip(
        as_array(result, "logits"), predict(address, logits=True), strict=True
    ):
        values = [by_class[name]["logit"] for name in CLASS_NAMES]
        assert row.tolist() == pytest.approx(values, abs=1e-3)
    assert len(as_array(result, "label")) == 3


def test_the_how_tos_code_runs(
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (REPOSITORY / "docs" / "how-to" / "speak-open-inference.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "picture.jpg").write_bytes(FILES[0])
    monkeypatch.chdir(tmp_path)
    exec(code.replace("localhost:8000", address), {})  # noqa: S102 - our own page
    label, probabilities = capsys.readouterr().out.splitlines()
    values = json.loads(probabilities.replace("'", '"'))
    assert label == max(values, key=values.__getitem__)
    assert values == pytest.approx(
        {name: one["probability"] for name, one in predict(address)[0].items()}, abs=1e-5
    )


def test_a_version_can_be_selected(
    triton: InferenceServerClient, database: Database, storage: LocalStorage
) -> None:
    before = as_array(triton.infer(MODEL, [files_input(FILES)]), "probabilities")
    register_model(database, storage, MODEL, seed=1)
    newest = triton.infer(MODEL, [files_input(FILES)])
    assert newest.get_response()["model_version"] == "2"
    first = triton.infer(MODEL, [files_input(FILES)], model_version="1")
    assert np.allclose(as_array(first, "probabilities"), before, atol=1e-5)
    assert not np.allclose(as_array(newest, "probabilities"), before, atol=1e-2)


def test_the_client_shows_the_error(triton: InferenceServerClient) -> None:
    def refuse(*inputs: InferInput, model: str = MODEL, **arguments: Any) -> tuple[str, str]:
        with pytest.raises(InferenceServerException) as refusal:
            triton.infer(model, list(inputs), **arguments)
        return refusal.value.status(), refusal.value.message()

    assert refuse(files_input(FILES), model="unknown") == ("404", "There is no model 'unknown'.")
    status, message = refuse(files_input([FILES[0], b"a text"]))
    assert (status, message[:8]) == ("415", "image 1:")
    assert refuse(files_input([FILES[0][:-100]]))[0] == "422"
    assert refuse(files_input([make_pixel_bomb()]))[0] == "413"
    unknown = [InferRequestedOutput("classes")]
    status, message = refuse(files_input(FILES), outputs=unknown)
    assert status == "422"
    assert "probabilities" in message
    wrong = InferInput("pixels", [1], "BYTES")
    wrong.set_data_from_numpy(np.array([FILES[0]], dtype=np.object_))
    assert refuse(wrong)[0] == "422"
    classes = [InferRequestedOutput("probabilities", class_count=1)]
    assert refuse(files_input(FILES), outputs=classes)[0] == "422"
    compressed = refuse(files_input(FILES), request_compression_algorithm="gzip")
    assert compressed == ("422", "Compressed bodies are not supported.")
    with pytest.raises(InferenceServerException, match="There is no model 'unknown'"):
        triton.get_model_metadata("unknown")
    assert len(as_array(triton.infer(MODEL, [files_input(FILES)]), "label")) == 3


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"", {}, (400, "BAD_JSON")),
        (b"{", {"Content-Type": "application/json"}, (400, "BAD_JSON")),
        (b"{}", {"Content-Type": "application/json"}, (422, "VALIDATION")),
        (b"{}", {"Inference-Header-Content-Length": "3"}, (422, "VALIDATION")),
        (b"{}", {"Inference-Header-Content-Length": "-1"}, (422, "VALIDATION")),
        (b"{}", {"Inference-Header-Content-Length": "9" * 5000}, (422, "VALIDATION")),
        (
            b"{}",
            {"Inference-Header-Content-Length": "1", "Content-Type": "application/json"},
            (400, "BAD_JSON"),
        ),
    ],
)
def test_errors_have_both_formats(
    client: TestClient, body: bytes, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    answer = client.post(INFER, content=body, headers=headers)
    assert problem(answer) == expected
    assert answer.json()["error"] == answer.json()["detail"]


def test_other_routes_keep_their_error_format(client: TestClient) -> None:
    assert "error" not in client.get("/models/unknown").json()
    assert client.get("/v2/nothing").json()["error"]


def test_a_missing_file_is_not_ready(client: TestClient, storage: LocalStorage) -> None:
    assert client.get(f"/v2/models/{MODEL}/ready").json() == {"name": MODEL, "ready": True}
    storage.delete(f"jobs/{MODEL}/0/model.safetensors")
    assert problem(client.get(f"/v2/models/{MODEL}/ready")) == (503, "UNAVAILABLE")
    assert problem(client.get(f"/v2/models/{MODEL}/versions/1/ready")) == (503, "UNAVAILABLE")


class TestWithSmallLimits:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        small = {"max_json_bytes": 1000, "max_predict_bytes": 30_000, "predict_queue_size": 2}
        return settings.model_copy(update=small)

    def test_requests_over_the_limits_are_refused(self, client: TestClient) -> None:
        def infer(num_images: int, num_bytes: int, **headers: str) -> Any:
            size = num_images * (num_bytes + 4)
            tensor = {
                "name": "image",
                "datatype": "BYTES",
                "shape": [num_images],
                "parameters": {"binary_data_size": size},
            }
            values = json.dumps({"inputs": [tensor]}).encode()
            element = num_bytes.to_bytes(4, "little") + bytes(num_bytes)
            length = {"Inference-Header-Content-Length": str(len(values))}
            return client.post(
                INFER, content=values + element * num_images, headers=length | headers
            )

        assert problem(infer(1, 20_000)) == (415, "UNSUPPORTED_IMAGE")  # read, then looked at
        as_json = {"Content-Type": "application/json"}  # as some clients call both
        assert problem(infer(1, 20_000, **as_json)) == (415, "UNSUPPORTED_IMAGE")
        assert problem(infer(1, 40_000)) == (413, "BODY_TOO_LARGE")
        assert problem(infer(3, 10)) == (422, "VALIDATION")
        large = b'{"id": "' + b"x" * 1000 + b'"}'
        for kind in ("application/json", "application/octet-stream"):
            answer = client.post(INFER, content=large, headers={"Content-Type": kind})
            assert problem(answer) == (413, "BODY_TOO_LARGE")
