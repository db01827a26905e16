import pytest
from fastapi.testclient import TestClient

from app.main import create_app
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
            "imagenet_accuracy": 0.58092,
            "gflops": 0.819,
        }
    ]
    assert listed["resnet18"][0]["availability"] == "unavailable"
