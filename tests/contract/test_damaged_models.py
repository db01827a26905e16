"""A served model whose file was altered, truncated or deleted: no wrong answer is ever given."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.db.session import Database
from app.db.tables import ModelVersion
from app.db.tenancy import DEFAULT_TENANT
from app.errors import CheckpointInvalid
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from tests.answers import claim_any
from tests.contract.conftest import BuildApp
from tests.contract.test_registry import problem_of
from tests.damage import flip_bytes, flip_last_bit, truncate
from tests.evaluations import add_labelled_dataset
from tests.images import draw_picture, encode
from tests.models import register_model
from worker.analysis_config import AnalysisConfig
from worker.analysis_work import AnalysisWork
from worker.exports.config import ExportConfig
from worker.exports.export import export
from worker.exports.work import ExportWork
from worker.kinds import fail_subject, make_kinds

PICTURE = encode(draw_picture())
DAMAGES = [flip_bytes, flip_last_bit, truncate, Path.unlink]
KEY = "jobs/ants-and-bees/0/model.safetensors"


@pytest.fixture(autouse=True)
def registered(database: Database, storage: LocalStorage) -> None:
    """Register two versions; the first is served."""
    register_model(database, storage)
    register_model(database, storage, seed=1)


def predict(client: TestClient, **query: str) -> Any:
    return client.post("/predict", files={"image": ("a.png", PICTURE)}, params=query)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_running_service_goes_on_and_a_restarted_one_refuses(
    client: TestClient,
    settings: Settings,
    storage: LocalStorage,
    build_app: BuildApp,
    damage: Callable[[Path], None],
) -> None:
    right = predict(client).json()
    assert right["model"]["version"] == 1
    damage(storage.path(KEY))
    for _ in range(3):
        assert predict(client).json()["predictions"] == right["predictions"]
    assert client.get("/readyz").json()["status"] == "ok"
    client.__exit__()

    app = build_app(settings)
    with TestClient(app, raise_server_exceptions=False) as restarted:
        assert app.state.predictor.warm_up.wait(60)
        for query in ({}, {"model": "ants-and-bees:1"}, {"explain": "true"}):
            answer = predict(restarted, **query)
            assert problem_of(answer) == (503, "CHECKPOINT_INVALID")
            assert "ants-and-bees:1" in answer.json()["detail"]
        ready = restarted.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert "ants-and-bees:1" in ready.json()["model"]
        assert restarted.get("/serving").json()["resolved"]["version"] == 1
        others = predict(restarted, model="ants-and-bees:2")
        assert (others.status_code, others.json()["model"]["version"]) == (200, 2)
    client.__enter__()  # for its own end


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_export_of_a_damaged_version_is_refused(
    client: TestClient,
    database: Database,
    settings: Settings,
    storage: LocalStorage,
    damage: Callable[[Path], None],
) -> None:
    path, query = "/models/ants-and-bees/versions/1/export", {"format": "safetensors"}
    assert client.get(path, params=query).status_code == 202
    damage(storage.path(KEY))
    with database.transaction() as session:
        lease = work.claim(session, "cpu", "me")
        assert lease is not None
        command = ExportWork(settings, storage).begin(session, lease)
    assert command is not None
    config = ExportConfig.model_validate_json(command.configuration)
    with pytest.raises(CheckpointInvalid) as refused:
        export(config, lambda _done, _total: None)
    with database.transaction() as session:
        kinds, error = make_kinds(settings, storage), refused.value
        fail_subject(kinds, session, "export", lease.subject_id, error.code, error.message)
        work.finish(session, lease)
    assert problem_of(client.get(path, params=query)) == (503, "CHECKPOINT_INVALID")


def test_the_class_names_of_an_int8_version_are_checked_too(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    """They are read from the checkpoint that the version was made from."""
    graph = b"a graph"
    with database.transaction() as session:
        row = session.get_one(ModelVersion, (DEFAULT_TENANT, "ants-and-bees", 2))
        registered = session.get_one(ModelVersion, (DEFAULT_TENANT, "ants-and-bees", 1)).digest
        row.digest = hashlib.sha256(graph).hexdigest()
        row.checkpoint_key, row.quantized_key, row.quantized_from = KEY, "jobs/graph.onnx", 1
    with storage.new_file("jobs/graph.onnx") as file:
        file.write(graph)
    path = storage.path(KEY)
    content = path.read_bytes()
    assert b'\\"ants\\",\\"bees\\"' in content
    path.write_bytes(content.replace(b'\\"ants\\",\\"bees\\"', b'\\"bees\\",\\"ants\\"'))
    answer = predict(client, model="ants-and-bees:2")
    assert problem_of(answer) == (503, "CHECKPOINT_INVALID")
    assert "sha256" in answer.json()["detail"]
    body = {"dataset_id": add_labelled_dataset(database)}
    asked = client.post("/models/ants-and-bees/versions/2/evaluate", json=body)
    assert asked.status_code == 202, asked.text
    with database.transaction() as session:
        lease = claim_any(session)
        assert lease is not None
        command = AnalysisWork("worker.evaluation", settings, storage).begin(session, lease)
    assert command is not None
    config = AnalysisConfig.model_validate_json(command.configuration)
    assert config.checkpoint_digest == registered, "an evaluation checks it"
