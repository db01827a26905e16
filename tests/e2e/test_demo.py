"""Run `graft demo` with fewer and smaller jobs."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from app.demo import comparison, photographs
from app.demo.drawn_datasets import DRAWINGS
from app.demo.run import run_demo
from graft_client import OutcomeError
from tests.e2e.conftest import Graft
from tests.uploads import make_zip


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    for recipe in (comparison.DRAWINGS_RECIPE, comparison.PHOTOGRAPHS_RECIPE):
        monkeypatch.setitem(recipe, "epochs", 1)
        monkeypatch.setitem(recipe, "input_size", 32)
    smaller = replace(DRAWINGS, num_train=4, num_val=2)
    monkeypatch.setattr(comparison, "DRAWINGS", smaller)
    monkeypatch.setattr(photographs, "can_be_downloaded", lambda: False)
    return Console(file=io.StringIO(), width=160)


def read(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def kind_of(picture: Path) -> str | None:
    with Image.open(picture) as image:
        image.load()
        return image.format


def test_the_demo_transfers_from_imagenet(graft: Graft, console: Console, tmp_path: Path) -> None:
    run_demo(graft.running.url, dataset=None, output_dir=tmp_path, console=console)
    told = read(console)
    assert "photographs cannot be downloaded, so the demo draws its images" in told
    assert "Both trainings take about" in told
    assert "Label set that is right 90%" in told
    for name in ("curves.png", "heat-map.png"):
        assert kind_of(tmp_path / name) == "PNG"
    assert kind_of(tmp_path / "held-out.jpg") == "JPEG"
    assert graft.get("/serving")["resolved"]["name"] == "drawings"
    assert f"{graft.running.url}/docs" in told
    assert told.rstrip().endswith(f"{graft.running.url}/ui/")
    scratch, pretrained = graft.get("/jobs", limit=2)["data"]
    assert pretrained["config"]["architecture"] == "timm:tf_efficientnet_lite0"
    assert pretrained["config"]["weights"] != scratch["config"]["weights"] == "none"
    assert pretrained["dataset_id"] == scratch["dataset_id"]


def test_the_demo_learns_photographs_that_are_given(
    graft: Graft, console: Console, tmp_path: Path
) -> None:
    archive = tmp_path / "colors.zip"
    archive.write_bytes(make_zip(num_val=2))
    run_demo(graft.running.url, dataset=archive, output_dir=tmp_path / "out", console=console)
    scratch, pretrained = graft.get("/jobs", limit=2)["data"]
    assert (pretrained["config"]["architecture"], pretrained["config"]["strategy"]) == (
        "timm:tf_efficientnet_lite0",
        "fine_tune",
    )
    assert scratch["config"]["weights"] == "none"
    assert "16 train, 4 val images of 2 classes (amber, blue)" in read(console)
    assert kind_of(tmp_path / "out" / "curves.png") == "PNG"


def test_the_demo_says_what_is_wrong_with_the_photographs(
    graft: Graft, console: Console, tmp_path: Path
) -> None:
    archive = tmp_path / "one.zip"
    archive.write_bytes(make_zip(class_names=("amber",)))
    with pytest.raises(OutcomeError) as raised:
        run_demo(graft.running.url, dataset=archive, output_dir=tmp_path, console=console)
    assert raised.value.code == "DATASET_LAYOUT"
