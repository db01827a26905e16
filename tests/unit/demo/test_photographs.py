from pathlib import Path
from typing import Literal

import httpx
import pytest

from app.demo.photographs import (
    StartingPoint,
    can_be_downloaded,
    download,
    find_starting_point,
)
from app.ml.models.lite0_package import LITE0
from graft_client.schemas.models import Architecture, Weights
from tests.unit.client.conftest import Answer, Service


def architecture(
    name: str, availability: Literal["local", "download", "unavailable"]
) -> Architecture:
    weights = Weights(
        name="IMAGENET1K_V1",
        is_default=True,
        availability=availability,
        imagenet_accuracy=0.7,
        gflops=1.8,
    )
    return Architecture(
        name=name,
        aliases=[],
        input_size=224,
        fixed_input_size=False,
        min_input_size=32,
        num_parameters=1,
        weights=[weights],
    )


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ({"resnet18": "local", LITE0: "local"}, LITE0),
        ({"resnet18": "local", LITE0: "download"}, "resnet18"),
        ({"alexnet": "local", "squeezenet1_0": "local", "resnet18": "local"}, "resnet18"),
        ({"alexnet": "local", "squeezenet1_0": "local", "resnet18": "download"}, "squeezenet1_0"),
        ({"alexnet": "local", "resnet18": "unavailable"}, "alexnet"),
        ({"alexnet": "download", "resnet18": "download"}, "resnet18"),
        ({"alexnet": "unavailable", "resnet18": "unavailable"}, None),
    ],
)
def test_local_weights_are_preferred_to_downloads(
    offered: dict[str, Literal["local", "download", "unavailable"]], chosen: str | None
) -> None:
    start = find_starting_point([architecture(name, how) for name, how in offered.items()])
    assert start == (StartingPoint(chosen, "IMAGENET1K_V1") if chosen else None)


def test_the_probe_reports_whether_the_file_exists(service: Service) -> None:
    service.answer("HEAD", "/there.zip", Answer(b""))
    service.answer("HEAD", "/gone.zip", Answer(b"", 404))
    assert can_be_downloaded(f"{service.url}/there.zip")
    assert not can_be_downloaded(f"{service.url}/gone.zip")
    assert not can_be_downloaded("http://127.0.0.1:9/nobody.zip")


def test_a_download_is_kept(service: Service, tmp_path: Path) -> None:
    service.answer("GET", "/photos.zip", Answer(b"zip of photographs"))
    url = f"{service.url}/photos.zip"
    for _ in range(2):
        assert download(tmp_path, url).read_bytes() == b"zip of photographs"
    assert len(service.received) == 1


def test_a_download_cut_short_leaves_no_file(service: Service, tmp_path: Path) -> None:
    service.answer("GET", "/photos.zip", Answer(b"zip of", is_broken=True))
    with pytest.raises(httpx.HTTPError):
        download(tmp_path, f"{service.url}/photos.zip")
    assert not (tmp_path / "photos.zip").exists()
