"""The service as a whole: counts for an overview, and the state of its parts."""

from datetime import datetime
from typing import Any

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


class ServiceState(Schema):
    """Versions, workers, queues, storage and settings of the service."""

    version: str
    python: str
    libraries: dict[str, str]
    started_at: datetime
    database: str
    broker: str
    ready: dict[str, Any]
    workers: list[dict[str, Any]]
    queues: list[dict[str, Any]]
    storage: dict[str, Any]
    settings: list[dict[str, Any]]
