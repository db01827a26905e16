import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from app.errors import ValidationFailed, WeightsUnavailable
from app.ml.models import timm_catalogue
from app.ml.models.catalogue import ArchitectureSpec, get_architecture
from app.ml.models.hub import find_hub_dir
from app.ml.models.weights import (
    UrlProbe,
    availability,
    explain_missing,
    find_local,
    list_availability,
    require_available,
)

ENTRY = get_architecture("squeezenet1_0")
FILE_NAME = ENTRY.get_weights("imagenet").file_name


class Server(ThreadingHTTPServer):
    """Answer HEAD /there.pth with 200 and everything else with 404; record the requests."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200 if self.path == "/there.pth" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Do not log."""


@contextmanager
def running_server(port: int = 0) -> Iterator[Server]:
    with Server(port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(autouse=True)
def hub_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = find_hub_dir()
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def weights_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "weights"
    folder.mkdir()
    return folder


def at_url(url: str) -> ArchitectureSpec:
    weights = ENTRY.get_weights("imagenet").model_copy(update={"url": url})
    return ENTRY.model_copy(update={"weights": (weights,)})


def test_files_are_found_in_the_documented_order(weights_dir: Path, hub_dir: Path) -> None:
    assert find_local(ENTRY, "imagenet", weights_dir) is None
    for path in (
        hub_dir / FILE_NAME,
        weights_dir / FILE_NAME,
        weights_dir / "squeezenet1_0.safetensors",
    ):
        path.touch()
        assert find_local(ENTRY, "imagenet", weights_dir) == path
        assert find_local(ENTRY, "IMAGENET1K_V1", weights_dir) == path
    assert find_local(ENTRY, "imagenet", None) == hub_dir / FILE_NAME


def test_the_hub_folder_is_where_torch_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch.hub  # noqa: PLC0415 -- the other tests show that it is not needed

    for variables in ({}, {"TORCH_HOME": "/a"}, {"XDG_CACHE_HOME": "/b"}):
        monkeypatch.delenv("TORCH_HOME", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert str(find_hub_dir()) == f"{torch.hub.get_dir()}/checkpoints"


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValidationFailed):
        find_local(ENTRY, "IMAGENET1K_V7", None)


def test_local_weights_need_no_request(weights_dir: Path, server: Server) -> None:
    (weights_dir / "squeezenet1_0.safetensors").touch()
    architecture = at_url(server.url("/there.pth"))
    found = availability(
        architecture, "imagenet", weights_dir=weights_dir, download_allowed=True, answers=UrlProbe()
    )
    assert found == "local"
    assert server.asked == []


@pytest.mark.parametrize(
    ("path", "download_allowed", "expected", "num_asked"),
    [
        ("/there.pth", True, "download", 1),
        ("/gone.pth", True, "unavailable", 1),
        ("/there.pth", False, "unavailable", 0),
    ],
)
def test_weights_are_downloadable_where_allowed_and_reachable(
    server: Server, path: str, download_allowed: bool, expected: str, num_asked: int
) -> None:
    probe = UrlProbe()
    for _ in range(3):
        found = availability(
            at_url(server.url(path)),
            "imagenet",
            weights_dir=None,
            download_allowed=download_allowed,
            answers=probe,
        )
        assert found == expected
    assert len(server.asked) == num_asked


def test_cached_answers_expire(server: Server) -> None:
    probe = UrlProbe(cache_seconds=0)
    assert [probe(server.url("/there.pth")) for _ in range(2)] == [True, True]
    assert len(server.asked) == 2


def test_an_unreachable_server_is_cached_as_a_whole() -> None:
    with running_server() as server:
        gone, there = server.url("/gone.pth"), server.url("/there.pth")
        port = server.server_address[1]
    probe = UrlProbe()
    assert not probe(gone)
    with running_server(port) as server:
        assert not probe(there)
        assert server.asked == []
        assert UrlProbe()(there)


def test_many_urls_are_checked_once_each(server: Server) -> None:
    probe = UrlProbe()
    urls = [server.url(f"/{number}.pth") for number in range(20)]
    there = server.url("/there.pth")
    answers = probe.check_all([*urls, there, there])
    assert answers == {there: True} | dict.fromkeys(urls, False)
    assert sorted(server.asked) == sorted([*(f"/{n}.pth" for n in range(20)), "/there.pth"])
    assert probe.check_all([there]) == {there: True}
    assert len(server.asked) == 21


def test_an_unreachable_server_is_contacted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[httpx.URL] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        raise httpx.ConnectTimeout("nobody there")

    def open_client(_: UrlProbe) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(refuse))

    monkeypatch.setattr(UrlProbe, "_open_client", open_client)
    urls = [f"http://weights.example/{number}.pth" for number in range(20)]
    assert UrlProbe().check_all(urls) == dict.fromkeys(urls, False)
    assert asked == urls[:1]


def test_the_weights_of_all_architectures_are_checked_together(weights_dir: Path) -> None:
    (weights_dir / FILE_NAME).touch()
    asked: list[list[str]] = []

    def check_all(urls: Iterable[str]) -> dict[str, bool]:
        asked.append(list(urls))
        return {url: "resnet18" in url for url in asked[-1]}

    found = list_availability(
        [ENTRY, get_architecture("resnet18"), get_architecture("alexnet")],
        weights_dir=weights_dir,
        download_allowed=True,
        check_all=check_all,
    )
    assert found == {
        ("squeezenet1_0", "IMAGENET1K_V1"): "local",
        ("resnet18", "IMAGENET1K_V1"): "download",
        ("alexnet", "IMAGENET1K_V1"): "unavailable",
    }
    assert [len(urls) for urls in asked] == [2]


def test_without_downloads_nothing_is_requested() -> None:
    asked: list[str] = []

    def check_all(urls: Iterable[str]) -> dict[str, bool]:
        asked.extend(urls)
        return dict.fromkeys(asked, True)

    found = list_availability(
        [ENTRY], weights_dir=None, download_allowed=False, check_all=check_all
    )
    assert set(found.values()) == {"unavailable"}
    assert asked == []


@pytest.mark.parametrize("download_allowed", [True, False])
def test_unavailable_weights_explain_what_to_do(download_allowed: bool) -> None:
    with pytest.raises(WeightsUnavailable) as caught:
        require_available(
            ENTRY,
            "imagenet",
            weights_dir=None,
            download_allowed=download_allowed,
            answers=lambda _: False,
        )
    assert "squeezenet1_0.safetensors" in caught.value.message
    assert FILE_NAME in caught.value.message
    assert "GRAFT_WEIGHTS_DIR" in caught.value.message
    assert '"weights": "none"' in caught.value.message


@pytest.mark.parametrize(
    ("there", "named"),
    [
        ([], "timm:tf_efficientnet_lite0"),  # of the package among the requirements of the tests
        (["resnet18"], "resnet18, timm:tf_efficientnet_lite0"),
        (
            ["vgg13", "alexnet", "densenet121", "resnet18", "resnet34", "vgg11"],
            "resnet18, alexnet, densenet121, resnet34, vgg11 and 2 more",
        ),
    ],
)
def test_unavailable_weights_name_architectures_that_have_some(
    weights_dir: Path, there: list[str], named: str
) -> None:
    for name in there:
        (weights_dir / f"{name}.safetensors").touch()
    with pytest.raises(WeightsUnavailable) as caught:
        require_available(ENTRY, "imagenet", weights_dir=weights_dir, download_allowed=False)
    assert caught.value.message == (
        explain_missing(ENTRY, "imagenet", download_allowed=False)
        + f" This machine has the weights of: {named}."
    )


def test_unavailable_weights_name_nothing_where_there_are_none(
    weights_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timm_catalogue, "is_installed", lambda: False)
    with pytest.raises(WeightsUnavailable) as caught:
        require_available(ENTRY, "imagenet", weights_dir=weights_dir, download_allowed=False)
    assert caught.value.message == explain_missing(ENTRY, "imagenet", download_allowed=False)


def test_available_weights_do_not_raise(weights_dir: Path) -> None:
    (weights_dir / FILE_NAME).touch()
    require_available(ENTRY, "imagenet", weights_dir=weights_dir, download_allowed=False)
