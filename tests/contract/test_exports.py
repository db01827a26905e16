"""Exports of a version, and their predictions without this service."""

import hashlib
import io
import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image

from app.db.session import Database
from app.db.tables import AnalysisRequest
from app.ml.export.formats import ExportFormat
from app.ml.trust.trust_file import Trust
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from tests.answers import fail_waiting_analysis, list_analyses
from tests.images import draw_picture
from tests.models import register_model
from worker.exports.config import ExportConfig
from worker.exports.export import export
from worker.exports.work import ExportWork
from worker.protocol import AnalysisDone
from worker.sweeper import sweep

FORMATS: tuple[ExportFormat, ...] = ("safetensors", "onnx", "torch_export", "openvino")
PATH = "/models/ants-and-bees/versions/1/export"
TEMPERATURE = 1.7

ALONE = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
try:
    import app
except ModuleNotFoundError:
    sys.argv.pop(0)
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    sys.exit("the service's own package is here")
"""
"""Run a script with the installed libraries, but without editable installs."""


@pytest.fixture(autouse=True)
def registered(database: Database, storage: LocalStorage) -> None:
    trust = Trust(TEMPERATURE, torch.ones(1), torch.ones(1, 512), torch.ones(1))
    register_model(database, storage, trust=trust)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """An image with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "picture.jpg"
    draw_picture(size=(150, 100)).save(path, exif=exif)
    return path


def run_export(database: Database, settings: Settings, storage: LocalStorage) -> str:
    """Run the export as a worker and its child do; returns the archive's storage key."""
    kind = ExportWork(settings, storage)
    with database.transaction() as session:
        lease = work.claim(session, "cpu", "me")
        assert lease is not None
        command = kind.begin(session, lease)
        assert command is not None
    config = ExportConfig.model_validate_json(command.configuration)
    found = export(config, lambda _done, _total: None)
    with database.transaction() as session:
        kind.record(session, lease, AnalysisDone(result=found.model_dump(mode="json")))
        work.finish(session, lease)
    return config.file_key


@pytest.mark.filterwarnings("ignore")  # the converters' own, about themselves
@pytest.mark.parametrize("export_format", FORMATS)
def test_an_archive_predicts_the_same_without_the_service(
    client: TestClient,
    database: Database,
    settings: Settings,
    storage: LocalStorage,
    tmp_path: Path,
    picture: Path,
    export_format: ExportFormat,
) -> None:
    asked = client.get(PATH, params={"format": export_format})
    assert (asked.status_code, asked.json()["kind"]) == (202, "export")
    assert asked.headers["location"] == f"{PATH}?format={export_format}"
    assert int(asked.headers["retry-after"]) > 0
    run_export(database, settings, storage)

    answer = client.get(asked.headers["location"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    name = f'filename="ants-and-bees-1-{export_format}.zip"'
    assert answer.headers["content-disposition"] == f"attachment; {name}"
    digest = hashlib.sha256(answer.content).hexdigest()
    assert answer.headers["etag"] == f'"{digest}"'
    assert float(answer.headers["graft-max-difference"]) <= 0.001
    known = client.get(asked.headers["location"], headers={"If-None-Match": f'"{digest}"'})
    assert (known.status_code, known.content) == (304, b"")
    assert len(list_analyses(database)) == 1

    folder = tmp_path / "exported"
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(folder)
    predicted = client.post("/predict", files={"image": picture.read_bytes()}).json()[
        "predictions"
    ][0]
    label, probability = predict_alone(folder, picture)
    assert label == predicted["label"]
    assert probability == pytest.approx(predicted["probability"], abs=0.001)

    description = json.loads((folder / "model.json").read_text())
    assert description["class_names"] == ["ants", "bees", "wasps"]
    assert description["temperature"] == TEMPERATURE
    assert description["check"]["max_probability_difference"] <= 0.001
    golden, probabilities = next(iter(description["golden"].items()))
    label, probability = predict_alone(folder, folder / golden)
    assert label == description["class_names"][probabilities.index(max(probabilities))]
    assert probability == pytest.approx(max(probabilities), abs=0.001)


def predict_alone(folder: Path, picture: Path) -> tuple[str, float]:
    """Run the archive's example without this service; returns the label and probability."""
    libraries = sysconfig.get_path("purelib")
    printed = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ALONE, libraries, "predict.py", str(picture)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert printed.returncode == 0, printed.stderr
    label, probability = printed.stdout.split()
    return label, float(probability)


def test_an_archive_is_kept_until_its_version_is_deleted(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    client.get(PATH, params={"format": "safetensors"})
    key = run_export(database, settings, storage)
    sweep(database, storage, min_age_seconds=0)
    assert storage.exists(key)
    register_model(database, storage, seed=1)
    client.put("/serving", json={"model": "ants-and-bees:2"})
    client.get(PATH, params={"format": "onnx"})  # not answered yet
    assert client.delete("/models/ants-and-bees/versions/1").status_code == 204
    assert list_analyses(database) == []
    with database.transaction() as session:
        assert work.claim(session, "cpu", "me") is None
    sweep(database, storage, min_age_seconds=0)
    assert not storage.exists(key)


def test_a_missing_archive_is_an_error(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    client.get(PATH, params={"format": "safetensors"})
    storage.delete(run_export(database, settings, storage))
    answer = client.get(PATH, params={"format": "safetensors"})
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")


@pytest.mark.parametrize(
    ("code", "status"),
    [("EXPORT_MISMATCH", 500), ("EXPORT_UNAVAILABLE", 501), ("CHECKPOINT_INVALID", 503)],
)
def test_a_failed_export_returns_its_error(
    client: TestClient, database: Database, code: str, status: int
) -> None:
    client.get(PATH, params={"format": "onnx"})
    fail_waiting_analysis(database, code, "it was so")
    answer = client.get(PATH, params={"format": "onnx"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"] == "it was so"


def test_invalid_requests_are_refused_at_once(client: TestClient, database: Database) -> None:
    def get(path: str, **query: str) -> tuple[int, str]:
        answer = client.get(path, params=query)
        return answer.status_code, answer.json()["code"]

    assert get(PATH) == (422, "VALIDATION")
    assert get(PATH, format="pickle") == (422, "VALIDATION")
    assert get("/models/unknown/versions/1/export", format="onnx") == (404, "NOT_FOUND")
    assert get("/models/ants-and-bees/versions/9/export", format="onnx") == (404, "NOT_FOUND")
    with database.reading() as session:
        assert session.query(AnalysisRequest).count() == 0
