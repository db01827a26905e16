"""Jobs for the tests of their routes, without training."""

from fastapi.testclient import TestClient

from app.db.session import Database
from app.jobs.prediction_file import JobPredictions, save_predictions
from app.jobs.report_schemas import Report
from app.settings import Settings
from app.storage import LocalStorage
from app.tasks import service as work
from tests.reports import finish_job


class Trainer:
    """Creates jobs on a dataset and ends them."""

    def __init__(
        self, client: TestClient, database: Database, storage: LocalStorage, settings: Settings
    ) -> None:
        self.client = client
        self.database = database
        self.storage = storage
        self.settings = settings

    def post(self, dataset_id: str) -> str:
        answer = self.client.post("/jobs", json={"dataset_id": dataset_id, "weights": "none"})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def train(
        self,
        dataset_id: str,
        report: Report | None,
        predictions: JobPredictions | None = None,
    ) -> str:
        """Train a job that ends with this report and these predictions; return its id."""
        job_id = self.post(dataset_id)
        with self.database.transaction() as session:  # the ingestion has ended
            if lease := work.claim(session, "cpu", "me"):
                work.finish(session, lease)
        key = None
        if predictions is not None:
            key = f"jobs/{job_id}/1/predictions.safetensors"
            save_predictions(self.storage, key, predictions)
        finished = finish_job(
            self.database, self.storage, self.settings, report, predictions_key=key
        )
        assert finished == job_id
        assert self.client.get(f"/jobs/{job_id}").json()["status"] == "succeeded"
        return job_id
