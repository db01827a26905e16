"""Calls about studies."""

from pathlib import Path
from typing import Any

from graft_client.connection import Connection
from graft_client.resources.studies import Study
from graft_client.waiting import LONG_WAIT_SECONDS, POLL_SECONDS, Deadline


class StudyCalls(Connection):
    """Calls about studies."""

    def create_study(self, dataset_id: str, **fields: Any) -> Study:
        """Create a study; fields are those of POST /studies."""
        body = {"dataset_id": dataset_id} | fields
        return Study.model_validate(self._send("POST", "/studies", json=body))

    def get_study(self, study_id: str) -> Study:
        return Study.model_validate(self._send("GET", f"/studies/{study_id}"))

    def wait_for_study(
        self, study_id: str, *, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Study:
        """Wait until every run has succeeded, failed or been cancelled; raises WaitTimeout."""
        deadline = Deadline(study_id, timeout_seconds)
        while not (study := self.get_study(study_id)).is_terminal:
            deadline.sleep(POLL_SECONDS)
        return study

    def cancel_study(self, study_id: str) -> Study:
        """Cancel the runs that have not ended."""
        return Study.model_validate(self._send("POST", f"/studies/{study_id}/cancel"))

    def save_study_curves(self, study_id: str, path: Path, *, limit: int = 10) -> None:
        """Save the curves of the study's best configurations in one chart, as a PNG."""
        self._save(f"/studies/{study_id}/curves.png", path, params={"limit": limit})
