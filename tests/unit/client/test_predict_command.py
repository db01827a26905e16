"""`graft predict`: files, folders, archives and datasets; table, CSV and JSON."""

import csv
import io
import json
from pathlib import Path

import pytest

from graft_client.console import sources
from graft_client.console.exit_codes import ExitCode
from tests.unit.client.answers import DONE, PREDICTION, as_json, batch, dataset, page, problem
from tests.unit.client.conftest import Answer, Service
from tests.unit.client.running import error_line, read_json, run, succeed

FAILURE = {"error": {"code": "IMAGE_CORRUPT", "message": "it ends too early"}}
LINES = [
    {"path": "cats/1.jpg", "predictions": [{"label": "cats", "probability": 0.75}]},
    {"path": "cats/2.jpg"} | FAILURE,
]


def several(*results: object) -> Answer:
    return as_json({"model": PREDICTION["model"], "results": results, "inference_ms": 4.5})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pets" / "cats").mkdir(parents=True)
    for name in ("cats/1.jpg", "cats/2.PNG", "notes.txt", "cats/._1.jpg"):
        (tmp_path / "pets" / name).write_bytes(b"an image")
    return tmp_path / "pets"


@pytest.fixture
def _with_batch(service: Service) -> None:
    service.answer("POST", "/predictions", as_json(batch(), 202))
    service.answer("GET", "/predictions/pred_1", as_json(DONE))
    lines = "".join(f"{json.dumps(line)}\n" for line in LINES)
    service.answer("GET", "/predictions/pred_1/results", Answer(lines.encode()))


def test_an_image_is_shown_with_its_classes(service: Service, folder: Path) -> None:
    extras = {
        "prediction_set": {"coverage": 0.95, "labels": ["cats"], "abstained": False},
        "novelty": {"score": 9.0, "limit": 1.0, "is_novel": True},
    }
    service.answer("POST", "/predict", as_json(PREDICTION | extras))
    text = succeed(service, "predict", str(folder / "cats/1.jpg"), "--coverage", "0.95")
    for part in ("by pets:3", "cats", "0.750", "95.0% set: cats", "Unlike the training images"):
        assert part in text
    assert service.received[0].query == "top_k=5&coverage=0.95"


def test_a_folder_is_a_table_of_its_images(service: Service, folder: Path) -> None:
    service.answer("POST", "/predict", several(*[{"predictions": PREDICTION["predictions"]}] * 2))
    text = succeed(service, "predict", str(folder), "--model", "pets")
    assert f"{folder}/cats/1.jpg" in text
    assert "2 images: cats 2" in text
    assert service.received[0].body.count(b"an image") == 2


def test_an_unreadable_image_fails_the_command(service: Service, folder: Path) -> None:
    service.answer("POST", "/predict", several({"predictions": PREDICTION["predictions"]}, FAILURE))
    done = run(service, "predict", str(folder), "--json")
    assert done.exit_code == ExitCode.FAILED
    good, bad = json.loads(done.stdout)
    assert good["predictions"][0]["label"] == "cats"
    assert (bad["path"], bad["error"]["code"]) == (f"{folder}/cats/2.PNG", "IMAGE_CORRUPT")
    service.answer("POST", "/predict", problem(422, "IMAGE_CORRUPT", "it ends too early"))
    single = run(service, "predict", str(folder / "cats/1.jpg"))
    assert error_line(single, ExitCode.REFUSED).startswith("graft: IMAGE_CORRUPT")


@pytest.mark.usefixtures("_with_batch")
def test_a_large_folder_is_a_batch(
    service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_FOLDER_IMAGES", 1)
    done = run(service, "predict", str(folder), "--csv")
    assert done.exit_code == ExitCode.FAILED
    first, second = csv.DictReader(io.StringIO(done.stdout))
    assert (first["path"], first["predicted"]) == (f"{folder}/cats/1.jpg", "cats")
    assert second["error_code"] == "IMAGE_CORRUPT"


@pytest.mark.usefixtures("_with_batch")
def test_sources_keep_their_order(service: Service, folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "more.zip"
    archive.write_bytes(b"PK")
    service.answer("POST", "/predict", as_json(PREDICTION))
    output = tmp_path / "results.jsonl"
    run(service, "predict", str(archive), str(folder / "cats/1.jpg"), "--output", str(output))
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    paths = [row["path"] for row in rows]
    assert paths == ["cats/1.jpg", "cats/2.jpg", f"{folder}/cats/1.jpg"]


@pytest.mark.usefixtures("_with_batch")
def test_the_images_of_a_dataset_are_a_batch(service: Service) -> None:
    service.answer("GET", "/datasets", page(dataset()))
    done = run(service, "predict", "--dataset", "pets", "--split", "val")
    assert "IMAGE_CORRUPT: it ends too early" in done.stdout
    assert "2 images: cats 1; 1 image could not be read" in done.stdout
    sent = next(json.loads(one.body) for one in service.received if one.method == "POST")
    assert sent == {"dataset_id": "ds_1", "split": "val", "top_k": 5}


def test_an_explanation_is_saved_as_an_image(
    service: Service, folder: Path, tmp_path: Path
) -> None:
    answer = PREDICTION | {
        "explanation": {"label": "cats", "crop": 0.875, "heatmap_png": "iVBORw=="}
    }
    service.answer("POST", "/predict", as_json(answer))
    heatmap = tmp_path / "seen.png"
    (row,) = read_json(service, "predict", str(folder / "cats/1.jpg"), "--explain", str(heatmap))
    assert row["predictions"] == PREDICTION["predictions"]
    assert heatmap.read_bytes() == b"\x89PNG"
    assert service.received[0].query == "explain=true&top_k=5"


def test_a_folder_without_images_is_wrong_use(service: Service, tmp_path: Path) -> None:
    assert "has no images" in error_line(run(service, "predict", str(tmp_path)), ExitCode.USAGE)
    assert service.received == []


@pytest.mark.parametrize(
    ("number", "sizes"), [(1, [1]), (16, [16]), (17, [15, 2]), (33, [16, 15, 2])]
)
def test_no_request_has_one_image_of_several(tmp_path: Path, number: int, sizes: list[int]) -> None:
    files = [tmp_path / f"{index}.jpg" for index in range(number)]
    for file in files:
        file.write_bytes(b"an image")
    assert [len(some) for some in sources.split_into_requests(files)] == sizes
