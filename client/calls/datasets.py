"""Datasets: upload, look, fetch."""

import time
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from client.connection import POLL_SECONDS, Connection
from client.errors import OutcomeError
from client.packing import packed
from client.resources.datasets import Dataset, DatasetImage


class DatasetCalls(Connection):
    """Datasets: upload, look, fetch."""

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
            time.sleep(POLL_SECONDS)
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
