"""What the API answers about things that were deleted because of their age."""

from datetime import timedelta

from fastapi.testclient import TestClient

from app.db.base import now
from app.db.session import Database
from app.db.tables import PredictionBatch
from app.settings import Settings
from app.storage import LocalStorage
from tests.batches import run_next_batch
from tests.contract.datasets import problem
from tests.contract.test_batches import PICTURES, send
from tests.models import register_model
from worker.pruning import prune


def test_results_are_not_found_once_they_are_deleted_because_of_their_age(
    client: TestClient, database: Database, settings: Settings, storage: LocalStorage
) -> None:
    register_model(database, storage)
    batch = send(client).json()
    run_next_batch(database, settings, storage)
    path = f"/predictions/{batch['id']}/results"
    assert client.get(path).status_code == 200
    with database.transaction() as session:
        row = session.get_one(PredictionBatch, batch["id"])
        row.finished_at = now() - timedelta(days=3)
    prune(database, storage, settings.model_copy(update={"keep_batch_results_days": 2}))
    assert problem(client.get(path)) == (404, "NOT_FOUND")
    assert "GRAFT_KEEP_BATCH_RESULTS_DAYS" in client.get(path).json()["detail"]
    assert client.get(f"/predictions/{batch['id']}").json()["counts"]["images"] > len(PICTURES)
    assert client.delete(f"/predictions/{batch['id']}").status_code == 204
