"""Calls about predictions and batch predictions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graft_client.connection import Connection
from graft_client.errors import OutcomeError
from graft_client.packing import packed
from graft_client.resources.predictions import Batch, ImagePredictions
from graft_client.waiting import LONG_WAIT_SECONDS, POLL_SECONDS, Deadline


class PredictionCalls(Connection):
    """Calls about predictions and batch predictions."""

    def predict(  # noqa: PLR0913 - the options of a prediction, by keyword
        self,
        image: Path,
        *,
        model: str | None = None,
        top_k: int = 5,
        coverage: float | None = None,
        logits: bool = False,
        explain: bool = False,
    ) -> ImagePredictions:
        """Classify an image with a model, by default the serving model.

        coverage (0.5-0.999) requests a prediction set that contains the correct label for this
        share of images; explain requests a heat map. Raises OSError if the file cannot be read.
        """
        params = _list_params(
            top_k=top_k, model=model, coverage=coverage, logits=logits, explain=explain
        )
        with image.open("rb") as file:
            answer = self._send("POST", "/predict", params=params, files={"image": file})
        return ImagePredictions.model_validate(answer)

    def predict_dataset(
        self, dataset_id: str, *, split: str | None = None, **options: Any
    ) -> Batch:
        """Create a batch prediction of a dataset; options are model, top_k, coverage and logits."""
        body = {"dataset_id": dataset_id} | ({"split": split} if split else {})
        body |= _list_params(**options)
        return Batch.model_validate(self._send("POST", "/predictions", json=body))

    def predict_archive(self, source: Path, **options: Any) -> Batch:
        """Create a batch prediction of an archive or a folder; options as above."""
        form = {name: str(value) for name, value in _list_params(**options).items()}
        with packed(source) as archive, archive.open("rb") as file:
            answer = self._send(
                "POST", "/predictions", data=form, files={"file": (archive.name, file)}
            )
        return Batch.model_validate(answer)

    def get_batch(self, batch_id: str) -> Batch:
        return Batch.model_validate(self._send("GET", f"/predictions/{batch_id}"))

    def follow_batch(
        self, batch_id: str, *, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Iterator[Batch]:
        """Yield the batch whenever it has changed, the last time when it has ended."""
        deadline = Deadline(batch_id, timeout_seconds)
        seen = None
        while seen is None or not seen.is_terminal:
            batch = self.get_batch(batch_id)
            if batch != seen:
                yield batch
            seen = batch
            if not batch.is_terminal:
                deadline.sleep(POLL_SECONDS)

    def wait_for_batch(
        self, batch_id: str, *, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Batch:
        """Wait until the batch has ended; raises OutcomeError unless it succeeded, WaitTimeout."""
        *_, batch = self.follow_batch(batch_id, timeout_seconds=timeout_seconds)
        if batch.status != "succeeded":
            code = batch.error.code if batch.error else batch.status.upper()
            raise OutcomeError(batch_id, code, batch.error.message if batch.error else batch.status)
        return batch

    def cancel_batch(self, batch_id: str) -> Batch:
        return Batch.model_validate(self._send("POST", f"/predictions/{batch_id}/cancel"))

    def save_results(self, batch_id: str, path: Path, *, format: str = "jsonl") -> None:  # noqa: A002 - the service's name
        """Save the predictions as `jsonl` or `csv`."""
        self._save(f"/predictions/{batch_id}/results", path, params={"format": format})


def _list_params(**options: Any) -> dict[str, Any]:
    """Return the options that were given; the service has defaults for the others."""
    return {
        name: value for name, value in options.items() if value is not None and value is not False
    }
