"""Find datasets, jobs, studies and versions by what a person types."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, TypeVar

from graft_client.errors import GraftError

if TYPE_CHECKING:
    from graft_client.schemas.portfolios import Portfolio
    from graft_client.synchronous.datasets import Dataset
    from graft_client.synchronous.graft import Graft
    from graft_client.synchronous.jobs import Job
    from graft_client.synchronous.studies import Study
    from graft_client.synchronous.versions import RegisteredVersion


class _Resource(Protocol):
    @property
    def id(self) -> str: ...


FoundT = TypeVar("FoundT")
ResourceT = TypeVar("ResourceT", bound=_Resource)

LAST = "last"
"""Stands for the newest one."""

_SEARCHED = 200
_SHOWN = 5


def find_dataset(graft: "Graft", text: str) -> "Dataset":
    """Return a dataset by its id, the beginning of it, or the name of the newest such dataset."""
    if text == LAST:
        return _newest(graft.datasets.list().first(), "dataset")
    found = graft.datasets.list(q=text).take(_SEARCHED)
    named = next((one for one in found if one.name == text), None)
    if named is not None:
        return named
    starting = [one for one in found if one.id.startswith(text)]
    names = {f"'{one.name}'" for one in found}
    return _only(starting, "dataset", text, names, "graft datasets")


def find_job(graft: "Graft", text: str) -> "Job":
    """Return a job by its id, the beginning of it, `last`, or the model of the newest such job."""
    if text == LAST:
        return _newest(graft.jobs.list().first(), "job")
    found = graft.jobs.list(q=text).take(_SEARCHED)
    starting = [one for one in found if one.id.startswith(text)]
    if not starting:
        starting = [one for one in found if one.config.get("model_name") == text][:1]
    return _only(starting, "job", text, set(), "graft jobs")


def find_portfolio(job: "Job") -> "Portfolio | None":
    """Return the portfolio of a job; None if it has no time budget."""
    return job.portfolio() if job.config.get("time_budget_seconds") else None


def find_study(graft: "Graft", text: str) -> "Study":
    """Return a study by its id, the beginning of it, `last`, or the name of the newest such one."""
    if text == LAST:
        return _newest(graft.studies.list().first(), "study").details()
    found = graft.studies.list(q=text).take(_SEARCHED)
    starting = [one for one in found if one.id.startswith(text)]
    starting = starting or [one for one in found if one.name == text][:1]
    names = {f"'{one.name}'" for one in found}
    return _only(starting, "study", text, names, "graft studies").details()


def find_version(graft: "Graft", reference: str) -> "RegisteredVersion":
    """Return the version that `name:version`, `name@alias` or `name` means."""
    name, colon, number = reference.partition(":")
    if colon and number.isdecimal():
        return graft.model(name).version(int(number))
    return graft.models.version(reference)


def _newest(found: FoundT | None, kind: str) -> FoundT:
    if found is None:
        raise GraftError("NOT_FOUND", f"The service has no {kind} yet.")
    return found


def _only(
    found: list[ResourceT], kind: str, text: str, similar: Iterable[str], command: str
) -> ResourceT:
    """Return the only one found; raises GraftError if there are several or none."""
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(one.id for one in found[:_SHOWN])
        raise GraftError(
            "NOT_FOUND", f"Several ids begin with '{text}', such as {ids}; type more of the id."
        )
    known = ", ".join(sorted(similar)[:_SHOWN])
    hint = f" Similar: {known}." if known else ""
    raise GraftError(
        "NOT_FOUND", f"There is no {kind} '{text}'.{hint} `{command}` lists what there is."
    )
