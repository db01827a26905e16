"""Calls about datasets."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from graft_client.connection import Connection
from graft_client.errors import OutcomeError
from graft_client.packing import packed
from graft_client.resources.datasets import Dataset, DatasetImage
from graft_client.waiting import POLL_SECONDS, WAIT_SECONDS, Deadline


class DatasetCalls(Connection):
    """Calls about datasets."""

    def upload_dataset(
        self, source: Path, *, name: str, val_fraction: float | None = None, split_seed: int = 0
    ) -> Dataset:
        """Upload an archive, or a folder of class folders; the dataset then has status `ingesting`.

        val_fraction (0-1) is used if the source has no splits; None selects the service's default.
        Raises FileNotFoundError.
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

    def wait_for_dataset(
        self, dataset_id: str, *, timeout_seconds: float | None = WAIT_SECONDS
    ) -> Dataset:
        """Wait until the dataset is ready; raises OutcomeError if it is invalid, WaitTimeout."""
        deadline = Deadline(dataset_id, timeout_seconds)
        while (dataset := self.get_dataset(dataset_id)).status == "ingesting":
            deadline.sleep(POLL_SECONDS)
        if dataset.error is not None:
            raise OutcomeError(dataset_id, dataset.error.code, dataset.error.message)
        return dataset

    def list_images(
        self, dataset_id: str, *, split: str, limit: int = 20, after: int | None = None
    ) -> list[DatasetImage]:
        """List a page of a split's images, by class and path, starting after the image `after`."""
        params: dict[str, Any] = {"split": split, "limit": limit}
        if after is not None:
            params["after"] = after
        rows = self._get_page(f"/datasets/{dataset_id}/images", params=params)
        return TypeAdapter(list[DatasetImage]).validate_python(rows)

    def save_image(self, dataset_id: str, image_id: int, path: Path) -> None:
        """Save an image of a dataset as it was uploaded."""
        self._save(f"/datasets/{dataset_id}/images/{image_id}", path)
