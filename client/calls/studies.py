"""Studies: post, wait, look."""

import time
from pathlib import Path
from typing import Any

from client.connection import POLL_SECONDS, Connection
from client.resources.studies import Study


class StudyCalls(Connection):
    """Studies: post, wait, look."""

    def create_study(self, dataset_id: str, **fields: Any) -> Study:
        """Post a study; fields are those of POST /studies."""
        body = {"dataset_id": dataset_id} | fields
        return Study.model_validate(self._send("POST", "/studies", json=body))

    def get_study(self, study_id: str) -> Study:
        return Study.model_validate(self._send("GET", f"/studies/{study_id}"))

    def wait_for_study(self, study_id: str) -> Study:
        """Wait until every run has ended, however it did."""
        while not (study := self.get_study(study_id)).is_terminal:
            time.sleep(POLL_SECONDS)
        return study

    def cancel_study(self, study_id: str) -> Study:
        """Give the runs up that have not ended."""
        return Study.model_validate(self._send("POST", f"/studies/{study_id}/cancel"))

    def save_study_curves(self, study_id: str, path: Path, *, limit: int = 10) -> None:
        """Save the curves of the study's best configurations in one picture, as a PNG."""
        self._save(f"/studies/{study_id}/curves.png", path, params={"limit": limit})
