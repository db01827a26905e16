# Written by graft_client.sync_generator from asynchronous/studies.py: change that file.
"""Studies: several configurations and seeds on one dataset, with a ranking."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from graft_client.answers import read_rows, validated
from graft_client.display.choosing import ShowProgress, open_display
from graft_client.display.html import study_html
from graft_client.pictures import Picture
from graft_client.schemas.studies import (
    ConfigurationCurve,
    FieldImportance,
    StudyFields,
    StudySummary,
)
from graft_client.synchronous.bound import Bound, id_of
from graft_client.synchronous.connection import Connection
from graft_client.synchronous.jobs import Job
from graft_client.synchronous.pages import Pages
from graft_client.waiting import LONG_WAIT_SECONDS, Deadline


class ListedStudy(Bound, StudySummary):
    """A study without its ranking."""

    def details(self) -> "Study":
        """Return the study with its ranking."""
        return Study.read(self._connection, self._connection.get(self._path))

    def jobs(self) -> Pages[Job]:
        """List the jobs of the study, newest first."""
        return Pages(self._connection, "/jobs", Job.read, {"study_id": self.id})

    def curves(self, *, limit: int = 10) -> Picture:
        """Return the curves of the study's best configurations as a chart."""
        path = f"{self._path}/curves.png"
        return self._connection.get_picture(path, params={"limit": limit})

    def history(self, *, limit: int = 10, points: int | None = None) -> list[ConfigurationCurve]:
        """Return the rows behind the curves; points (2-2000) thins long ones for drawing."""
        path = f"{self._path}/curves"
        params = {"limit": limit} | ({} if points is None else {"points": points})
        rows = read_rows(self._connection.get(path, params=params), path)
        return [validated(ConfigurationCurve, row, self._connection.url) for row in rows]

    def importance(self) -> list[FieldImportance]:
        """Return the fields of the search space, the most important first; empty at the start."""
        path = f"{self._path}/importance"
        rows = read_rows(self._connection.get(path), path)
        return [validated(FieldImportance, row, self._connection.url) for row in rows]

    def delete(self) -> None:
        """Delete the study, which must have ended; its jobs stay."""
        self._connection.delete(self._path)

    @property
    def _path(self) -> str:
        return f"/studies/{self.id}"


class Study(ListedStudy, StudyFields):
    """A study with its ranking."""

    def refresh(self) -> Self:
        """Get the present state; changes this object and returns it."""
        return self._update(self._connection.get(self._path))

    def wait(
        self, *, progress: ShowProgress = True, timeout_seconds: float | None = LONG_WAIT_SECONDS
    ) -> Self:
        """Wait until every run has succeeded, failed or been cancelled; raises WaitTimeout."""
        deadline = Deadline(self.id, timeout_seconds)
        with open_display(progress, f"Study {self.name}") as display:
            while not (self.refresh()).is_terminal:
                runs, search = self.progress, self.search_progress
                if search is None:
                    display.update(runs.runs - runs.queued - runs.running, runs.runs, "runs")
                else:
                    display.update(search.num_finished, search.num_trials, "configurations")
                self._connection.pause(deadline)
        return self

    def cancel(self) -> Self:
        """Cancel the runs that have not ended; a search chooses no more configurations."""
        return self._update(self._connection.send("POST", f"{self._path}/cancel"))

    def _repr_html_(self) -> str:
        return study_html(self)


class Studies:
    """The studies of the service."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(  # noqa: PLR0913 - the fields of a study, by keyword
        self,
        dataset: Any,
        *,
        name: str | None = None,
        base: Mapping[str, Any] | None = None,
        configurations: Sequence[Mapping[str, Any]] | None = None,
        search: Mapping[str, Any] | None = None,
        seeds: int | Sequence[int] | None = None,
        metadata: dict[str, str] | None = None,
    ) -> Study:
        """Create a study of named configurations, or of a search; each changes fields of `base`.

        The search methods `tpe` and `hyperband` choose each configuration by the results so far.
        seeds is their number, or the seeds themselves.
        """
        given = {
            "name": name,
            "base": base,
            "configurations": configurations,
            "search": search,
            "seeds": seeds,
            "metadata": metadata,
        }
        body: dict[str, Any] = {"dataset_id": id_of(dataset)}
        body |= {key: value for key, value in given.items() if value is not None}
        answer = self._connection.send("POST", "/studies", json=body, is_creation=True)
        return Study.read(self._connection, answer)

    def get(self, study: str) -> Study:
        """Return a study by its id; raises NotFound."""
        return Study.read(self._connection, self._connection.get(f"/studies/{study}"))

    def list(self, *, q: str | None = None) -> Pages[ListedStudy]:
        """List studies, newest first; q is a part of the name."""
        return Pages(self._connection, "/studies", ListedStudy.read, {"q": q})
