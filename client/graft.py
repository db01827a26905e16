"""The service, seen from Python."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import TypeAdapter

from client.errors import OutcomeError, require_success
from client.following import follow_events
from client.packing import packed
from client.resources.datasets import Dataset, DatasetImage
from client.resources.jobs import Epoch, Job, JobEvent, Progress
from client.resources.models import Architecture, ChosenModel
from client.resources.plans import Advice, Validation
from client.resources.predictions import ImagePredictions
from client.resources.reports import Report
from client.resources.studies import Study

_POLL_SECONDS = 0.2


class Graft:
    """A connection to the service; close it, or use it as a context manager.

    Every method raises ApiError for what the service refuses and httpx.TransportError where it
    cannot be reached.
    """

    def __init__(self, base_url: str, *, timeout_seconds: float = 60.0) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def upload_dataset(
        self, source: Path, *, name: str, val_fraction: float | None = None, split_seed: int = 0
    ) -> Dataset:
        """Upload an archive, or a folder of class folders; it is still ingesting afterwards.

        val_fraction (0-1) counts where the source has no splits of its own; None leaves it to the
        service. Raises FileNotFoundError.
        """
        form: dict[str, Any] = {"name": name, "split_seed": split_seed}
        if val_fraction is not None:
            form["val_fraction"] = val_fraction
        with packed(source) as archive, archive.open("rb") as file:
            answer = self._send(
                "POST", "/datasets", data=form, files={"file": (archive.name, file)}
            )
        return Dataset.model_validate(answer)

    def get_dataset(self, dataset_id: str) -> Dataset:
        return Dataset.model_validate(self._send("GET", f"/datasets/{dataset_id}"))

    def wait_for_dataset(self, dataset_id: str) -> Dataset:
        """Wait until the dataset is ready; raises OutcomeError if it turns out invalid."""
        while (dataset := self.get_dataset(dataset_id)).status == "ingesting":
            time.sleep(_POLL_SECONDS)
        if dataset.error is not None:
            raise OutcomeError(dataset_id, dataset.error.code, dataset.error.message)
        return dataset

    def list_images(
        self, dataset_id: str, *, split: str, limit: int = 20, after: int | None = None
    ) -> list[DatasetImage]:
        """A page of a split's images, by class and path, behind the image `after`."""
        params: dict[str, Any] = {"split": split, "limit": limit}
        if after is not None:
            params["after"] = after
        page = self._send("GET", f"/datasets/{dataset_id}/images", params=params)
        return TypeAdapter(list[DatasetImage]).validate_python(page["data"])

    def save_image(self, dataset_id: str, image_id: int, path: Path) -> None:
        """Save an image of a dataset as it was uploaded."""
        self._save(f"/datasets/{dataset_id}/images/{image_id}", path)

    def list_architectures(self) -> list[Architecture]:
        return TypeAdapter(list[Architecture]).validate_python(self._send("GET", "/architectures"))

    def advise(self, dataset_id: str, *, architecture: str = "resnet18") -> Advice:
        """How to train on a dataset, once a worker has measured it."""
        params = {"architecture": architecture}
        return Advice.model_validate(
            self._wait("GET", f"/datasets/{dataset_id}/advice", params=params)
        )

    def validate_job(self, dataset_id: str, **fields: Any) -> Validation:
        """What create_job would do, once a worker has run a batch of it.

        That takes as long as the jobs that are training now.
        """
        body = {"dataset_id": dataset_id} | fields
        return Validation.model_validate(self._wait("POST", "/jobs/validate", json=body))

    def create_job(self, dataset_id: str, **fields: Any) -> Job:
        """Post a job; fields are those of POST /jobs, what is left out comes from the preset."""
        body = {"dataset_id": dataset_id} | fields
        return Job.model_validate(self._send("POST", "/jobs", json=body))

    def get_job(self, job_id: str) -> Job:
        return Job.model_validate(self._send("GET", f"/jobs/{job_id}"))

    def follow_job(self, job_id: str, *, after: int = 0) -> Iterator[JobEvent | Progress]:
        """Yield the job's events as they happen, each once, with progress in between."""
        return follow_events(self._http, job_id, after=after)

    def wait_for_job(self, job_id: str) -> Job:
        """Wait for the job's end; raises OutcomeError unless it succeeded."""
        for _ in self.follow_job(job_id):
            pass
        job = self.get_job(job_id)
        if job.status != "succeeded":
            code = job.error.code if job.error else job.status.upper()
            raise OutcomeError(job_id, code, job.error.message if job.error else job.status)
        return job

    def cancel_job(self, job_id: str) -> Job:
        return Job.model_validate(self._send("POST", f"/jobs/{job_id}/cancel"))

    def stop_job(self, job_id: str) -> Job:
        """Let the job finish after this epoch and keep its best."""
        return Job.model_validate(self._send("POST", f"/jobs/{job_id}/stop"))

    def list_epochs(self, job_id: str) -> list[Epoch]:
        """The job's history: every finished epoch once, in order."""
        rows = self._send("GET", f"/jobs/{job_id}/history")["data"]
        return TypeAdapter(list[Epoch]).validate_python(rows)

    def save_curves(self, job_id: str, path: Path, *, compare: Sequence[str] = ()) -> None:
        """Save the training curves of the job, and of others beside it, as a PNG."""
        self._save(f"/jobs/{job_id}/history.png", path, params={"compare": list(compare)})

    def get_report(self, job_id: str) -> Report:
        """What the job's best checkpoint is worth; there is none before it has succeeded."""
        return Report.model_validate(self._send("GET", f"/jobs/{job_id}/report"))

    def save_confusion_matrix(self, job_id: str, path: Path, *, split: str = "val") -> None:
        """Save the picture of which class is taken for which, of `val` or `test`, as a PNG."""
        self._save(f"/jobs/{job_id}/confusion_matrix.png", path, params={"split": split})

    def create_study(self, dataset_id: str, **fields: Any) -> Study:
        """Post a study; fields are those of POST /studies."""
        body = {"dataset_id": dataset_id} | fields
        return Study.model_validate(self._send("POST", "/studies", json=body))

    def get_study(self, study_id: str) -> Study:
        return Study.model_validate(self._send("GET", f"/studies/{study_id}"))

    def wait_for_study(self, study_id: str) -> Study:
        """Wait until every run has ended, however it did."""
        while not (study := self.get_study(study_id)).is_terminal:
            time.sleep(_POLL_SECONDS)
        return study

    def cancel_study(self, study_id: str) -> Study:
        """Give the runs up that have not ended."""
        return Study.model_validate(self._send("POST", f"/studies/{study_id}/cancel"))

    def save_study_curves(self, study_id: str, path: Path, *, limit: int = 10) -> None:
        """Save the curves of the study's best configurations in one picture, as a PNG."""
        self._save(f"/studies/{study_id}/curves.png", path, params={"limit": limit})

    def predict(self, image: Path, *, model: str | None = None, top_k: int = 5) -> ImagePredictions:
        """Ask a model, or the chosen one, what an image shows."""
        params = {"top_k": top_k} | ({"model": model} if model else {})
        with image.open("rb") as file:
            answer = self._send("POST", "/predict", params=params, files={"image": file})
        return ImagePredictions.model_validate(answer)

    def get_serving(self) -> ChosenModel:
        return ChosenModel.model_validate(self._send("GET", "/serving"))

    def choose_model(self, reference: str) -> ChosenModel:
        """Let a model answer predictions that name none."""
        return ChosenModel.model_validate(self._send("PUT", "/serving", json={"model": reference}))

    def _save(self, url: str, path: Path, **request: Any) -> None:
        response = self._http.get(url, **request)
        require_success(response)
        path.write_bytes(response.content)

    def _wait(self, method: str, path: str, **request: Any) -> Any:
        """The answer to a question, which 202 says where and when to look for."""
        response = self._http.request(method, path, **request)
        require_success(response)
        while response.status_code == httpx.codes.ACCEPTED:
            time.sleep(float(response.headers["Retry-After"]))
            response = self._http.get(response.headers["Location"])
            require_success(response)
        return response.json()

    def _send(self, method: str, path: str, **request: Any) -> Any:
        response = self._http.request(method, path, **request)
        require_success(response)
        return response.json()
