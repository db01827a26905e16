import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision import models

from app.errors import WeightsUnavailable
from app.ml.models.architectures import build, build_arguments
from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.models.pretrained import load_pretrained


@pytest.fixture(autouse=True)
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def publish(architecture: ArchitectureSpec, content: bytes) -> tuple[ArchitectureSpec, str]:
    """The architecture as if torchvision had published this file."""
    prefix = hashlib.sha256(content).hexdigest()[:8]
    name = f"{architecture.name}-{prefix}.pth"
    weights = architecture.get_weights("imagenet").model_copy(
        update={"url": f"http://127.0.0.1:9/{name}"}
    )
    return architecture.model_copy(update={"weights": (weights,)}), name


def test_safetensors_are_read_with_their_digest(tmp_path: Path) -> None:
    architecture = get_architecture("squeezenet1_0")
    state_dict = models.squeezenet1_0(weights=None).state_dict()
    path = tmp_path / "squeezenet1_0.safetensors"
    save_file(state_dict, path)
    loaded = load_pretrained(architecture, "imagenet", weights_dir=tmp_path, download_allowed=False)
    assert loaded.state_dict.keys() == state_dict.keys()
    assert all(torch.equal(loaded.state_dict[key], state_dict[key]) for key in state_dict)
    assert loaded.provenance.model_dump() == {
        "source": "local",
        "name": "IMAGENET1K_V1",
        "digest": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize(("place", "source"), [("weights", "local"), ("hub", "hub")])
def test_torchvisions_own_file_is_read(
    tmp_path: Path, torch_home: Path, place: str, source: str
) -> None:
    state_dict = models.squeezenet1_0(weights=None).state_dict()
    torch.save(state_dict, tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    architecture, name = publish(get_architecture("squeezenet1_0"), content)
    folder = tmp_path if place == "weights" else torch_home
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    loaded = load_pretrained(architecture, "imagenet", weights_dir=tmp_path, download_allowed=False)
    assert torch.equal(loaded.state_dict["features.0.weight"], state_dict["features.0.weight"])
    assert loaded.provenance.source == source


def test_a_file_with_another_hash_raises(tmp_path: Path) -> None:
    architecture, name = publish(get_architecture("squeezenet1_0"), b"what was published")
    torch.save(models.squeezenet1_0(weights=None).state_dict(), tmp_path / name)
    with pytest.raises(WeightsUnavailable, match="damaged"):
        load_pretrained(architecture, "imagenet", weights_dir=tmp_path, download_allowed=False)


def test_a_pickle_with_code_raises(tmp_path: Path) -> None:
    torch.save({"weight": Path("x")}, tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    architecture, name = publish(get_architecture("squeezenet1_0"), content)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsUnavailable, match="cannot be read"):
        load_pretrained(architecture, "imagenet", weights_dir=tmp_path, download_allowed=False)


def test_a_damaged_safetensors_file_raises(tmp_path: Path) -> None:
    (tmp_path / "squeezenet1_0.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(WeightsUnavailable, match="cannot be read"):
        load_pretrained(
            get_architecture("squeezenet1_0"),
            "imagenet",
            weights_dir=tmp_path,
            download_allowed=False,
        )


@pytest.mark.parametrize("download_allowed", [True, False])
def test_missing_weights_raise(download_allowed: bool) -> None:
    architecture, name = publish(get_architecture("squeezenet1_0"), b"nowhere")
    with pytest.raises(WeightsUnavailable, match=name):
        load_pretrained(
            architecture, "imagenet", weights_dir=None, download_allowed=download_allowed
        )


def test_the_old_densenet_file_is_converted(tmp_path: Path) -> None:
    state_dict = models.densenet121(weights=None).state_dict()
    old = {
        key.replace("norm1.", "norm.1.")
        .replace("norm2.", "norm.2.")
        .replace("conv1.", "conv.1.")
        .replace("conv2.", "conv.2.")
        if "denselayer" in key
        else key: value
        for key, value in state_dict.items()
    }
    assert old.keys() != state_dict.keys()
    torch.save(old, tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    architecture, name = publish(get_architecture("densenet121"), content)
    (tmp_path / name).write_bytes(content)
    loaded = load_pretrained(architecture, "imagenet", weights_dir=tmp_path, download_allowed=False)
    assert loaded.state_dict.keys() == state_dict.keys()


def test_googlenets_file_is_read_without_the_heads_that_were_never_trained(tmp_path: Path) -> None:
    state_dict = models.googlenet(weights=None, init_weights=False).state_dict()
    assert "aux1.fc2.weight" in state_dict
    save_file(state_dict, tmp_path / "googlenet.safetensors")
    loaded = load_pretrained(
        get_architecture("googlenet"), "imagenet", weights_dir=tmp_path, download_allowed=False
    )
    arguments = build_arguments("googlenet", is_pretrained=True)
    model = build("googlenet", 2, arguments=arguments, state_dict=loaded.state_dict)
    assert state_dict.keys() - model.state_dict().keys() == {
        key for key in state_dict if key.startswith("aux")
    }


@pytest.mark.shared
def test_the_shared_weights_fit_their_architecture(shared_dir: Path) -> None:
    architecture = get_architecture("squeezenet1_0")
    loaded = load_pretrained(
        architecture, "imagenet", weights_dir=shared_dir / "weights", download_allowed=False
    )
    model = build("squeezenet1_0", 2, arguments={}, state_dict=loaded.state_dict)
    assert torch.equal(
        model.get_parameter("features.0.weight"), loaded.state_dict["features.0.weight"]
    )
