"""Start the service and train a job through its HTTP API, as a user would."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processes import MemoryWatch
from graft_client import Graft, Job
from graft_client.schemas.jobs import Epoch, JobEvent

_START_SECONDS = 120.0


@dataclass(frozen=True)
class ServiceRun:
    """A finished job with its epochs.

    elapsed: seconds from the start of the upload until each epoch's event arrived.
    """

    job: Job
    epochs: list[Epoch]
    elapsed: list[float]
    ingest_seconds: float
    job_seconds: float
    total_seconds: float
    peak_mib: float


def run_job(
    source: Path,
    fields: Mapping[str, Any],
    weights_dir: Path,
    data_dir: Path,
    environment: Mapping[str, str],
) -> ServiceRun:
    """Start the service with an empty data folder, upload source and train one job.

    No figure includes the start of the service. peak_mib covers all processes of the service.
    Raises OutcomeError if the dataset or the job fails.
    """
    with (
        running_service(environment, data_dir, weights_dir) as (url, pid),
        Graft(url) as graft,
    ):
        with MemoryWatch(pid) as memory:
            started = time.perf_counter()
            dataset = graft.datasets.upload(source, name="benchmark", progress=False)
            dataset.wait(progress=False)
            ingested = time.perf_counter()
            job = graft.train(dataset, **fields)
            arrivals = _time_epochs(job, started)
            job.wait(progress=False)
            ended = time.perf_counter()
        epochs = list(job.history())
    return ServiceRun(
        job=job,
        epochs=epochs,
        elapsed=[arrivals.get(epoch.epoch, ended - started) for epoch in epochs],
        ingest_seconds=ingested - started,
        job_seconds=ended - ingested,
        total_seconds=ended - started,
        peak_mib=memory.peak_mib,
    )


def _time_epochs(job: Job, started: float) -> dict[int, float]:
    """Return the seconds since started at which each epoch's event arrived."""
    return {
        event.payload["epoch"]: time.perf_counter() - started
        for event in job.follow()
        if isinstance(event, JobEvent) and event.type == "epoch"
    }


@contextmanager
def running_service(
    environment: Mapping[str, str], data_dir: Path, weights_dir: Path
) -> Iterator[tuple[str, int]]:
    """Start a service on its own data folder and yield its URL and process id once it is ready."""
    with starting_service(environment, data_dir, weights_dir) as (url, process):
        _wait_until_ready(url, process, data_dir / "graft.log")
        yield url, process.pid


@contextmanager
def starting_service(
    environment: Mapping[str, str], data_dir: Path, weights_dir: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a service on its own data folder and yield its URL and process without waiting."""
    settings = {"DATA_DIR": data_dir, "WEIGHTS_DIR": weights_dir, "WEIGHTS_DOWNLOAD": "false"}
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    data_dir.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    log = data_dir / "graft.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up"],
            env=dict(environment)
            | {"GRAFT_PORT": str(port)}
            | {f"GRAFT_{key}": str(value) for key, value in settings.items()},
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            yield url, process
        finally:
            process.terminate()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(
                f"`graft up` exited with {process.returncode} before it was ready:\n"
                f"{log.read_text(errors='replace')}"
            )
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"`graft up` was not ready within {_START_SECONDS:g} s; see {log}")
