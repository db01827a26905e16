"""Describe the parts of the service: processes, queues, storage, versions and settings."""

import platform
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from sqlalchemy.orm import Session

from app.db.session import read_clock
from app.db.worker_table import Worker
from app.service_status.process import ApiProcess
from app.service_status.schemas import (
    QueueView,
    Readiness,
    RunningTask,
    ServiceStatus,
    SettingView,
    StorageView,
    WorkerView,
)
from app.settings import Settings
from app.settings_text import list_settings
from app.tasks.notifications import QUEUES
from app.tasks.repository import WorkRepository
from app.tasks.workers import ALIVE_WITHIN, list_workers

LIBRARIES = (
    *("torch", "torchvision", "numpy", "pillow", "safetensors", "openvino", "onnxruntime"),
    *("fastapi", "pydantic", "uvicorn", "sqlalchemy", "psycopg", "celery", "redis"),
)


def describe_service(
    session: Session, settings: Settings, process: ApiProcess, ready: Readiness
) -> ServiceStatus:
    """Return the status of the service; ready is that of this process."""
    moment = read_clock(session)
    workers = _list_workers(session, moment)
    usage = process.storage.measure()
    dialect = session.get_bind().dialect.name
    return ServiceStatus(
        version=version("graft-server"),
        python=platform.python_version(),
        libraries=dict(_list_libraries()),
        started_at=process.started_at,
        database="postgresql" if dialect == "postgresql" else "sqlite",
        broker=ready.broker,
        ready=ready,
        workers=workers,
        queues=_list_queues(session, moment, workers),
        storage=StorageView.model_validate(usage) if usage else None,
        settings=[SettingView.model_validate(one) for one in list_settings(settings)],
    )


def _list_libraries() -> Iterator[tuple[str, str]]:
    for name in LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _list_workers(session: Session, moment: datetime) -> list[WorkerView]:
    tasks: dict[str | None, list[RunningTask]] = defaultdict(list)
    for item in WorkRepository(session).list_running():
        tasks[item.owner].append(RunningTask(kind=item.kind, subject_id=item.subject_id))
    return [
        _view_worker(row, moment, [task for owner in row.owners.values() for task in tasks[owner]])
        for row in list_workers(session, moment=moment)
    ]


def _view_worker(row: Worker, moment: datetime, working_on: list[RunningTask]) -> WorkerView:
    return WorkerView(
        id=row.id,
        host=row.host,
        pid=row.pid,
        queues=list(row.owners),
        device=row.device,
        started_at=row.started_at,
        last_seen_at=row.last_seen_at,
        is_alive=moment - row.last_seen_at <= ALIVE_WITHIN,
        working_on=working_on,
    )


def _list_queues(
    session: Session, moment: datetime, workers: Sequence[WorkerView]
) -> list[QueueView]:
    counts = WorkRepository(session).count_unfinished()
    views = []
    for name in QUEUES:
        queued, running = counts.get((name, "queued")), counts.get((name, "running"))
        age = (moment - queued.oldest_at).total_seconds() if queued else None
        views.append(
            QueueView(
                name=name,
                queued=queued.number if queued else 0,
                running=running.number if running else 0,
                oldest_queued_seconds=None if age is None else max(0.0, age),
                num_workers=sum(one.is_alive and name in one.queues for one in workers),
            )
        )
    return views
