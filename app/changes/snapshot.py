"""Compare two snapshots of the service and say which lists have changed."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

Topic = Literal["datasets", "jobs", "studies", "models", "serving", "predictions"]

TOPICS: tuple[Topic, ...] = get_args(Topic)

Changes = dict[Topic, frozenset[str]]
"""The changed ids of each topic; an empty set means that anything may have changed."""

EVERYTHING: Changes = dict.fromkeys(TOPICS, frozenset())


class ActiveJob(NamedTuple):
    """A job that a worker runs: what of it changes, and what else it changes."""

    status: str
    event_number: int
    progress: str
    dataset_id: str
    study_id: str | None

    @property
    def outcome(self) -> tuple[str, int]:
        """What a study shows of it: its status and its epochs, but no steps."""
        return self.status, self.event_number


@dataclass(frozen=True)
class Snapshot:
    """The state of the service, as far as lists show it; its size does not grow with the lists.

    lists identifies the newest rows of each table and the number of rows that wait, so that a new,
    deleted or queued row changes it. jobs, datasets and batches have the rows that a worker changes
    now. events are the newest entries of the models' event log: (id, model).
    """

    lists: Mapping[Topic, Hashable] = field(default_factory=dict)
    jobs: Mapping[str, ActiveJob] = field(default_factory=dict)
    datasets: Mapping[str, str] = field(default_factory=dict)
    batches: Mapping[str, str] = field(default_factory=dict)
    events: frozenset[tuple[str, str]] = frozenset()
    serving: Hashable = None
    served_model: str | None = None


def compare(before: Snapshot, after: Snapshot) -> Changes:
    """Return what has changed between two snapshots."""
    changes: Changes = {}

    def add(topic: Topic, ids: Iterable[str]) -> None:
        """Add a topic if its list has changed, or some of these subjects have."""
        if before.lists.get(topic) != after.lists.get(topic):
            changes[topic] = frozenset()
        elif changed := frozenset(ids):
            changes[topic] = changed

    jobs = _list_changed(before.jobs, after.jobs)
    ended = [before.jobs[one] for one in before.jobs.keys() - after.jobs.keys()]
    add("jobs", jobs)
    add("studies", _list_studies(before, after, jobs))
    # a job that has ended may have found label errors in its dataset
    ingested = _list_changed(before.datasets, after.datasets)
    add("datasets", {*ingested, *(job.dataset_id for job in ended)})
    add("predictions", _list_changed(before.batches, after.batches))
    new_events = after.events - before.events
    if new_events:
        changes["models"] = frozenset()
    is_moved = any(name == after.served_model for _, name in new_events)
    if before.serving != after.serving or is_moved:
        changes["serving"] = frozenset()
    return changes


def merge(first: Changes, second: Changes) -> Changes:
    """Return the changes of both."""
    merged = first | second
    for topic in first.keys() & second.keys():
        is_everything = not (first[topic] and second[topic])
        merged[topic] = frozenset() if is_everything else first[topic] | second[topic]
    return merged


def _list_changed(before: Mapping[str, Hashable], after: Mapping[str, Hashable]) -> set[str]:
    """Return the ids of rows that were added, removed or changed."""
    ids = before.keys() | after.keys()
    return {one for one in ids if before.get(one) != after.get(one)}


def _list_studies(before: Snapshot, after: Snapshot, changed_jobs: Iterable[str]) -> set[str]:
    """Return the studies of which a job has started, ended or finished an epoch."""
    studies = set()
    for job_id in changed_jobs:
        old, new = before.jobs.get(job_id), after.jobs.get(job_id)
        job = new or old
        if job is None or job.study_id is None:
            continue
        if old is None or new is None or old.outcome != new.outcome:
            studies.add(job.study_id)
    return studies
