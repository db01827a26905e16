from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.ml.models import timm_catalogue
from app.settings import Settings


def test_every_family_is_listed_with_its_tutorial_name(client: TestClient) -> None:
    listed = {entry["name"]: entry for entry in client.get("/architectures").json()}
    tutorials = {name: listed[name]["aliases"] for name in list(listed)[:6]}
    assert tutorials == {
        "resnet18": ["resnet"],
        "alexnet": [],
        "vgg11_bn": ["vgg"],
        "squeezenet1_0": ["squeezenet"],
        "densenet121": ["densenet"],
        "inception_v3": ["inception"],
    }
    assert not any(entry["aliases"] for entry in list(listed.values())[6:])
    assert listed["squeezenet1_0"]["num_parameters"] == 1_248_424
    assert listed["inception_v3"]["input_size"] == 299
    assert listed["vit_b_16"]["fixed_input_size"]
    assert not listed["resnet18"]["fixed_input_size"]


def test_the_list_has_the_figures_for_choosing_by_a_budget(client: TestClient) -> None:
    for entry in client.get("/architectures").json():
        for weights in entry["weights"]:
            assert 0.5 < weights["imagenet_accuracy"] < 0.9
            assert 0.01 < weights["gflops"] < 1100


def test_weights_are_local_if_a_file_exists_and_unavailable_without_downloads(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(settings.data_dir / "empty"))
    folder = settings.data_dir / "weights"
    folder.mkdir(parents=True)
    (folder / "squeezenet1_0.safetensors").write_bytes(b"")
    offline = settings.model_copy(update={"weights_dir": folder, "weights_download": False})
    with TestClient(create_app(offline)) as client:
        listed = {e["name"]: e["weights"] for e in client.get("/architectures").json()}
    assert listed["squeezenet1_0"] == [
        {
            "name": "IMAGENET1K_V1",
            "is_default": True,
            "availability": "local",
            "licence": None,
            "num_classes": 1000,
            "input_size": 224,
            "imagenet_accuracy": 0.58092,
            "gflops": 0.819,
        }
    ]
    assert listed["resnet18"][0]["availability"] == "unavailable"


def test_a_search_finds_both_libraries_by_words(client: TestClient) -> None:
    answer = client.get("/architectures", params={"search": "resnet 18"})
    names = [entry["name"] for entry in answer.json()]
    assert names[:2] == ["resnet18", "timm:resnet18"]
    assert all("resnet" in name and "18" in name for name in names)
    libraries = [entry["library"] for entry in answer.json()]
    assert libraries[:2] == ["torchvision", "timm"]
    assert int(answer.headers["X-Total-Count"]) == len(names)


def test_a_search_lists_weights_with_their_licences(client: TestClient) -> None:
    (found,) = client.get("/architectures", params={"search": "timm:tf_efficientnet_lite0"}).json()
    (weights,) = found["weights"]
    assert (weights["name"], weights["licence"]) == ("in1k", "apache-2.0")
    assert (weights["num_classes"], weights["imagenet_accuracy"]) == (1000, None)
    assert found["num_parameters"] == 4_652_008


def test_the_limit_of_a_search_is_told(client: TestClient) -> None:
    answer = client.get("/architectures", params={"search": "timm:", "limit": 3})
    assert len(answer.json()) == 3
    assert int(answer.headers["X-Total-Count"]) > 20
    assert client.get("/architectures", params={"search": "x", "limit": 0}).status_code == 422
    assert client.get("/architectures", params={"search": "no such thing"}).json() == []


def test_a_search_asks_no_hub(settings: Settings, tmp_path: Path, hub: list[str]) -> None:
    folder = tmp_path / "weights"
    (folder / "timm").mkdir(parents=True)
    (folder / "timm" / "resnet18.a2_in1k.safetensors").write_bytes(b"")
    online = settings.model_copy(update={"weights_dir": folder, "weights_download": True})
    with TestClient(create_app(online)) as client:
        (found,) = client.get("/architectures", params={"search": "timm:resnet18"}).json()[:1]
    availability = {one["name"]: one["availability"] for one in found["weights"]}
    assert availability["a2_in1k"] == "local"
    assert {state for name, state in availability.items() if name != "a2_in1k"} == {"download"}
    assert hub == []


def test_weights_of_timm_are_unavailable_without_the_library(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timm_catalogue, "is_installed", lambda: False)
    (found,) = client.get("/architectures", params={"search": "timm:tf_efficientnet_lite0"}).json()
    assert found["weights"][0]["availability"] == "unavailable"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Start a server that stands for the hub; return the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_GET = do_HEAD  # noqa: N815 -- the server's name

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    yield asked
    server.shutdown()
    server.server_close()
    thread.join()
