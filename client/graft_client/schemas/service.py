"""The service as a whole: counts for an overview, and the state of its parts."""

from datetime import datetime
from typing import Any, Literal

from graft_client.schemas.base import Schema
from graft_client.schemas.models import VersionName


class DatasetCounts(Schema):
    """The number of datasets by status, and of their images."""

    total: int
    ingesting: int
    ready: int
    invalid: int
    num_images: int


class JobCounts(Schema):
    """The number of jobs by status."""

    total: int
    queued: int
    running: int
    cancelling: int
    succeeded: int
    failed: int
    cancelled: int


class ModelCounts(Schema):
    """The number of models and of their versions."""

    total: int
    versions: int


class StudyCounts(Schema):
    """The number of studies."""

    total: int
    running: int


class BatchTotals(Schema):
    """The number of batch predictions."""

    total: int
    queued: int
    running: int


class ServingModel(Schema):
    """The serving model."""

    model: str
    resolved: VersionName


class Attention(Schema):
    """Something that needs a person: a failed job, a leak, a refused promotion."""

    kind: str
    subject: str
    title: str
    detail: str
    created_at: datetime


class Overview(Schema):
    """Counts of everything the service has, and what needs attention, newest first."""

    datasets: DatasetCounts
    jobs: JobCounts
    models: ModelCounts
    studies: StudyCounts
    predictions: BatchTotals
    serving: ServingModel | None
    attention: list[Attention]


class RunningTask(Schema):
    """What a worker works on."""

    kind: str
    subject_id: str


class Worker(Schema):
    """A worker process; is_alive is False if it has not been seen for a while."""

    id: str
    host: str
    pid: int
    queues: list[str]
    device: str | None
    started_at: datetime
    last_seen_at: datetime
    is_alive: bool
    working_on: list[RunningTask]


class Queue(Schema):
    """The work items of a queue, and the workers that serve it."""

    name: str
    queued: int
    running: int
    oldest_queued_seconds: float | None
    num_workers: int


class StorageState(Schema):
    """The space of the storage; used_bytes is None if it takes too long to count."""

    used_bytes: int | None
    free_bytes: int
    total_bytes: int


class Setting(Schema):
    """A setting in force, without secrets."""

    name: str
    value: bool | int | float | str | None
    default: bool | int | float | str | None
    description: str


class ServiceState(Schema):
    """Versions, workers, queues, storage and settings of the service."""

    version: str
    python: str
    libraries: dict[str, str]
    started_at: datetime
    database: Literal["sqlite", "postgresql"]
    broker: str
    ready: dict[str, Any]
    workers: list[Worker]
    queues: list[Queue]
    storage: StorageState | None
    settings: list[Setting]
