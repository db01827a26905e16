"""Weights of timm: where they are found, downloaded from, and how files are read."""

from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import safetensors.torch
import torch

from app.errors import ValidationFailed, WeightsUnavailable
from app.ml.models import timm_catalogue, timm_weights
from app.ml.models.architectures import build
from app.ml.models.catalogue import get_architecture
from app.ml.models.construction import construct
from app.ml.models.pretrained import load_pretrained
from app.ml.models.weights import availability, explain_missing, find_local, require_available

NAME = "test_resnet"
ARCHITECTURE = get_architecture(f"timm:{NAME}")
(WEIGHTS,) = ARCHITECTURE.weights
HUB_ID = f"timm/{NAME}.{WEIGHTS.name}"
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Use an empty cache of the hub, whatever this machine has."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def make_file(path: Path, num_classes: int = 1000, seed: int = 0) -> bytes:
    """Write random weights of timm's own model; return the file's content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = construct(ARCHITECTURE.name, num_classes=num_classes)
    safetensors.torch.save_file(model.state_dict(), path)
    return path.read_bytes()


def put_in_cache(hub_cache: Path) -> Path:
    repository = hub_cache / f"models--timm--{NAME}.{WEIGHTS.name}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(REVISION)
    path = repository / "snapshots" / REVISION / "model.safetensors"
    make_file(path)
    return path


def test_the_weights_folder_precedes_the_hubs_cache(tmp_path: Path, hub_cache: Path) -> None:
    folder = tmp_path / "weights"
    assert find_local(ARCHITECTURE, "pretrained", folder) is None
    cached = put_in_cache(hub_cache)
    assert find_local(ARCHITECTURE, "pretrained", None) == cached
    tagged = folder / "timm" / f"{NAME}.{WEIGHTS.name}.safetensors"
    make_file(tagged)
    assert find_local(ARCHITECTURE, "pretrained", folder) == tagged
    default = folder / "timm" / f"{NAME}.safetensors"
    make_file(default)
    assert find_local(ARCHITECTURE, WEIGHTS.name, folder) == default


def test_a_file_without_a_tag_is_only_for_the_default_weights(tmp_path: Path) -> None:
    architecture = get_architecture("timm:resnet18")
    names = [weights.name for weights in architecture.weights]
    (tmp_path / "timm").mkdir()
    (tmp_path / "timm" / "resnet18.safetensors").write_bytes(b"")
    assert find_local(architecture, names[0], tmp_path) is not None
    assert find_local(architecture, names[1], tmp_path) is None


def test_cached_weights_are_read_without_the_hub(hub_cache: Path) -> None:
    path = put_in_cache(hub_cache)
    loaded = load_pretrained(ARCHITECTURE, "pretrained", weights_dir=None, download_allowed=False)
    assert loaded.provenance.source == "hub"
    assert loaded.provenance.name == WEIGHTS.name
    assert loaded.provenance.digest == sha256(path.read_bytes()).hexdigest()


def test_missing_weights_name_the_files_to_put_into_the_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        load_pretrained(ARCHITECTURE, "pretrained", weights_dir=tmp_path, download_allowed=False)
    assert f"timm/{NAME}.safetensors" in caught.value.message
    assert f"timm/{NAME}.{WEIGHTS.name}.safetensors" in caught.value.message
    assert "may not be downloaded" in caught.value.message


@pytest.mark.parametrize("num_classes", [0, 37])
def test_a_file_may_have_a_head_of_its_own_or_none(tmp_path: Path, num_classes: int) -> None:
    path = tmp_path / "timm" / f"{NAME}.safetensors"
    make_file(path, num_classes)
    loaded = load_pretrained(
        ARCHITECTURE, "pretrained", weights_dir=tmp_path, download_allowed=False
    )
    assert ("fc.weight" in loaded.state_dict) == (num_classes == 37)
    model = build(ARCHITECTURE.name, 3, arguments={}, state_dict=loaded.state_dict)
    assert torch.equal(model.get_parameter("conv1.0.weight"), loaded.state_dict["conv1.0.weight"])


def test_a_file_of_another_architecture_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "timm" / f"{NAME}.safetensors"
    path.parent.mkdir()
    safetensors.torch.save_file(construct("timm:test_vit").state_dict(), path)
    with pytest.raises(WeightsUnavailable, match="does not fit timm:test_resnet"):
        load_pretrained(ARCHITECTURE, "pretrained", weights_dir=tmp_path, download_allowed=False)


def test_a_file_with_a_missing_tensor_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "timm" / f"{NAME}.safetensors"
    make_file(path)
    tensors = safetensors.torch.load_file(path)
    del tensors["layer1.0.conv1.weight"]
    safetensors.torch.save_file(tensors, path)
    with pytest.raises(WeightsUnavailable, match="layer1"):
        load_pretrained(ARCHITECTURE, "pretrained", weights_dir=tmp_path, download_allowed=False)


def test_damaged_weights_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "timm" / f"{NAME}.safetensors"
    path.parent.mkdir()
    path.write_bytes(b"no weights")
    with pytest.raises(WeightsUnavailable, match="cannot be read"):
        load_pretrained(ARCHITECTURE, "pretrained", weights_dir=tmp_path, download_allowed=False)


def test_imagenet_means_weights_for_imagenets_classes() -> None:
    dino = get_architecture("timm:vit_small_patch14_dinov2")
    assert dino.get_weights("pretrained").num_classes == 0
    with pytest.raises(ValidationFailed) as caught:
        dino.get_weights("imagenet")
    assert caught.value.problems[0].allowed == ("pretrained", "none", "lvd142m")
    assert ARCHITECTURE.get_weights("imagenet") is ARCHITECTURE.get_weights("pretrained")


def test_a_refused_architecture_says_why() -> None:
    with pytest.raises(ValidationFailed, match="several heads"):
        get_architecture("timm:deit_tiny_distilled_patch16_224")


def test_unknown_names_get_similar_ones() -> None:
    with pytest.raises(ValidationFailed, match="timm:test_resnet"):
        get_architecture("timm:test_resnett")
    with pytest.raises(ValidationFailed, match="but timm does: `timm:test_resnet`"):
        get_architecture("test_resnet")


def test_names_are_in_order_and_none_is_listed_twice() -> None:
    names = timm_catalogue.list_names()
    assert list(names) == sorted(set(names))


class Hub:
    """A server that stands for the hub, with one repository of weights."""

    def __init__(self, content: bytes | None) -> None:
        self.content = content
        self.paths: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(has_body=False)

            def do_GET(self) -> None:
                self.answer(has_body=True)

            def answer(self, *, has_body: bool) -> None:
                hub.paths.append(self.path)
                is_known = self.path == f"/{HUB_ID}/resolve/main/model.safetensors"
                if hub.content is None or not is_known:
                    self.send_response(404)
                    self.send_header("X-Error-Code", "EntryNotFound")
                    self.send_header("X-Repo-Commit", REVISION)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("ETag", f'"{sha256(hub.content).hexdigest()}"')
                self.send_header("X-Repo-Commit", REVISION)
                self.send_header("Content-Length", str(len(hub.content)))
                self.end_headers()
                if has_body:
                    self.wfile.write(hub.content)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    hub = Hub(make_file(tmp_path / "published.safetensors", seed=7))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    thread = Thread(target=hub.server.serve_forever, daemon=True)
    thread.start()
    yield hub
    hub.server.shutdown()
    hub.server.server_close()
    thread.join()


def test_weights_are_downloaded_once(hub: Hub, tmp_path: Path, hub_cache: Path) -> None:
    assert ask_availability(tmp_path) == "download"
    loaded = load_pretrained(
        ARCHITECTURE, "pretrained", weights_dir=tmp_path, download_allowed=True
    )
    assert hub.content is not None
    assert loaded.provenance.source == "hub"
    assert loaded.provenance.digest == sha256(hub.content).hexdigest()
    assert find_local(ARCHITECTURE, "pretrained", None) is not None
    assert ask_availability(tmp_path) == "local"
    before = len(hub.paths)
    load_pretrained(ARCHITECTURE, "pretrained", weights_dir=tmp_path, download_allowed=True)
    assert len(hub.paths) == before
    assert (hub_cache / f"models--timm--{NAME}.{WEIGHTS.name}").is_dir()


def test_weights_that_the_hub_does_not_have_are_unavailable(hub: Hub, tmp_path: Path) -> None:
    hub.content = None
    assert ask_availability(tmp_path) == "unavailable"
    with pytest.raises(WeightsUnavailable, match="cannot be downloaded now"):
        load_pretrained(ARCHITECTURE, "pretrained", weights_dir=tmp_path, download_allowed=True)


def test_a_hub_that_cannot_be_reached_is_no_crash(hub: Hub, tmp_path: Path) -> None:
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.raises(WeightsUnavailable, match="cannot be downloaded now"):
        load_pretrained(ARCHITECTURE, "pretrained", weights_dir=tmp_path, download_allowed=True)


def ask_availability(folder: Path) -> str:
    from app.ml.models.weights import UrlProbe  # noqa: PLC0415 -- a probe without earlier answers

    return availability(
        ARCHITECTURE, "pretrained", weights_dir=folder, download_allowed=True, answers=UrlProbe()
    )


def test_required_weights_raise_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        require_available(ARCHITECTURE, "pretrained", weights_dir=tmp_path, download_allowed=False)
    assert caught.value.message.startswith(
        explain_missing(ARCHITECTURE, "pretrained", download_allowed=False)
    )
    assert timm_weights.list_urls(WEIGHTS)[0].endswith(f"{HUB_ID}/resolve/main/model.safetensors")
