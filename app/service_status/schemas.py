"""Response schemas of the service's status."""

from typing import Literal

from pydantic import Field

from app.web.schemas import ApiModel, UtcTime

SettingScalar = bool | int | float | str | None


class Readiness(ApiModel):
    """Whether the service is ready, as in `GET /readyz`."""

    status: Literal["ok", "degraded", "unavailable"] = Field(
        description="`unavailable` while `GET /readyz` responds with 503."
    )
    broker: str = Field(description="`ok`, or the kind of its current error.", examples=["ok"])
    model: str = Field(
        description="`ok`, or why the chosen model could not be loaded.", examples=["ok"]
    )
    storage: str = Field(description="`ok`, or how little free space there is.", examples=["ok"])
    reason: str | None = Field(
        description="Why the service is unavailable; null if it is not.", examples=[None]
    )


class RunningTask(ApiModel):
    """A piece of work that a worker runs now."""

    kind: str = Field(
        description="`ingest`, `train`, `advise`, `dry_run`, `evaluate`, `quantize`, `export` or "
        "`predict`.",
        examples=["train"],
    )
    subject_id: str = Field(
        description="Id of the dataset, job, batch prediction or analysis.",
        examples=["job_01k0w1rhzemcbybsywa1w8p9"],
    )


class WorkerView(ApiModel):
    """A worker process. It announces itself every ten seconds."""

    id: str = Field(
        description="Id of the process; a restarted worker has another.",
        examples=["worker_01k0w1rhzemcbybsywa1w8p9"],
    )
    host: str = Field(description="Name of its machine.", examples=["gpu-1"])
    pid: int = Field(description="Process id on that machine.", examples=[4242])
    queues: list[str] = Field(
        description="Queues that it serves.", examples=[["cpu", "predict", "train"]]
    )
    device: str | None = Field(
        description="`cpu` or the name of its GPUs; null if it needs a GPU and finds none.",
        examples=["NVIDIA H100 80GB HBM3"],
    )
    started_at: UtcTime = Field(description="When it started.")
    last_seen_at: UtcTime = Field(description="When it last announced itself.")
    is_alive: bool = Field(
        description="Whether it announced itself in the last 30 seconds. Workers that have been "
        "silent for an hour are not listed; one that stops in order is removed at once.",
        examples=[True],
    )
    working_on: list[RunningTask] = Field(description="What it runs now; one per queue at most.")


class QueueView(ApiModel):
    """A queue of work."""

    name: str = Field(description="Name of the queue.", examples=["train"])
    queued: int = Field(
        description="Work that waits, also for other work such as an ingestion.", examples=[2]
    )
    running: int = Field(description="Work that a worker runs now.", examples=[1])
    oldest_queued_seconds: float | None = Field(
        description="Age of the oldest work that waits; null if none does.", examples=[12.5]
    )
    num_workers: int = Field(description="Workers that are alive and serve it.", examples=[1])


class StorageView(ApiModel):
    """The storage of images, checkpoints and results."""

    used_bytes: int | None = Field(
        description="Size of the stored files, at most a minute old; null if there are too many to "
        "count in a second.",
        examples=[1_234_567_890],
    )
    free_bytes: int = Field(
        description="Free space of its file system.", examples=[210_000_000_000]
    )
    total_bytes: int = Field(description="Size of its file system.", examples=[500_000_000_000])


class SettingView(ApiModel):
    """A setting, as this process of the API has it."""

    name: str = Field(description="Environment variable.", examples=["GRAFT_PORT"])
    value: SettingScalar = Field(
        description="Current value; passwords in URLs are replaced by `***`.", examples=[8000]
    )
    default: SettingScalar = Field(
        description="Default; words if it depends on the machine.", examples=[8000]
    )
    description: str = Field(
        description="What it sets.", examples=["Port the API listens on; 0 picks one."]
    )


class ServiceStatus(ApiModel):
    """The parts of the service and their state."""

    version: str = Field(description="Version of the service.", examples=["0.2.0"])
    python: str = Field(description="Version of Python.", examples=["3.11.9"])
    libraries: dict[str, str] = Field(
        description="Versions of the main libraries.",
        examples=[{"torch": "2.11.0", "fastapi": "0.135.1"}],
    )
    started_at: UtcTime = Field(description="When this process of the API started.")
    database: Literal["sqlite", "postgresql"] = Field(description="Kind of the database.")
    broker: str = Field(description="`ok`, or the kind of its current error.", examples=["ok"])
    ready: Readiness
    workers: list[WorkerView] = Field(
        description="Workers that were seen in the last hour, the oldest first."
    )
    queues: list[QueueView] = Field(description="All queues.")
    storage: StorageView | None = Field(
        description="The storage; null if its folder cannot be read."
    )
    settings: list[SettingView] = Field(description="All settings, without secrets.")
