"""Put load on a server with wrk, which posts one body on several connections."""

import json
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import httpx
import psutil

_SCRIPT = Path(__file__).with_name("post.lua")
_TIMEOUT_SECONDS = 30
_DRAIN_SECONDS = 120.0
_NUM_IDLE_RESPONSES = 3
"""Consecutive responses as fast as without load, after which the server counts as idle."""

_MAX_STOLEN, _MAX_TRIES = 0.02, 6


class GeneratorMissing(Exception):
    """wrk is not installed."""


class ServerStillBusy(Exception):
    """A server still works on the requests of an earlier load."""


class _HasStolenTime(Protocol):
    @property
    def stolen(self) -> float: ...


Measured = TypeVar("Measured", bound=_HasStolenTime)


@dataclass(frozen=True)
class Body:
    """A request body: the file that wrk reads, and its content type."""

    path: Path
    content_type: str


@dataclass(frozen=True)
class Load:
    """The result of a load.

    refused: responses of status 400 and above. timed_out: requests without a response within 30 s.
    broken: connection errors. generator_cores: the CPU time of the generator, in cores. stolen: the
    share of CPU time that the host gave to other machines.
    """

    num_requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    timed_out: int
    broken: int
    generator_cores: float
    stolen: float

    @property
    def requests_per_second(self) -> float:
        """Successful responses per second."""
        return (self.num_requests - self.refused) / self.seconds

    @property
    def num_errors(self) -> int:
        return self.refused + self.timed_out + self.broken


def require_generator() -> str:
    """Return the version of wrk. Raises GeneratorMissing if it is not installed."""
    if shutil.which("wrk") is None:
        raise GeneratorMissing(
            "wrk is not installed; on Debian and Ubuntu, install the package `wrk`."
        )
    finished = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False)  # noqa: S607 - found above
    return " ".join(finished.stdout.split()[:2])


def run_load(url: str, body: Body, *, connections: int, seconds: float, threads: int = 1) -> Load:
    """Post for some seconds; each connection waits for its response before the next request."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with measuring_stolen_time() as stolen:
        finished = subprocess.run(
            [
                *("wrk", "--threads", str(threads), "--connections", str(connections)),
                *("--duration", f"{max(1, round(seconds))}s", "--timeout", f"{_TIMEOUT_SECONDS}s"),
                *("--script", str(_SCRIPT), url, "--", str(body.path), body.content_type),
            ],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Load(**figures, generator_cores=spent / figures["seconds"], stolen=stolen())


@contextmanager
def measuring_stolen_time() -> Iterator[Callable[[], float]]:
    """Yield a function that returns, after the block, the share of CPU time that the host stole."""
    before = psutil.cpu_times()
    passed: list[float] = []
    yield lambda: passed[before._fields.index("steal")] / sum(passed)
    passed += [now - then for now, then in zip(psutil.cpu_times(), before, strict=True)]


def measure_undisturbed(measure: Callable[[], Measured]) -> Measured:
    """Repeat a measurement until the host steals little CPU time; return the one with the least."""
    results: list[Measured] = []
    while len(results) < _MAX_TRIES and not any(one.stolen <= _MAX_STOLEN for one in results):
        results.append(measure())
    return min(results, key=lambda one: one.stolen)


def post_body(client: httpx.Client, url: str, body: Body) -> Any:
    """Post the body once and return the response. Raises HTTPStatusError if it is an error."""
    content = body.path.read_bytes()
    headers = {"Content-Type": body.content_type}
    response = client.post(url, content=content, headers=headers, timeout=_TIMEOUT_SECONDS)
    response.raise_for_status()
    return response.json()


def measure_alone(send_once: Callable[[], Any], *, num_requests: int = 10) -> float:
    """Measure the median seconds of a request while no other is running."""
    return statistics.median(_time(send_once) for _ in range(num_requests))


def drain(send_once: Callable[[], Any], alone_seconds: float) -> None:
    """Wait until requests are about as fast as without load.

    When the generator stops, a slow server still works on its last requests, which would delay the
    next load. Raises ServerStillBusy after two minutes.
    """
    deadline = time.monotonic() + _DRAIN_SECONDS
    limit = 1.5 * alone_seconds + 0.005
    num_fast = 0
    while num_fast < _NUM_IDLE_RESPONSES:
        if time.monotonic() > deadline:
            raise ServerStillBusy(
                f"{_DRAIN_SECONDS:g} s after the load, responses still take over {limit:.3f} s"
            )
        num_fast = num_fast + 1 if _time(send_once) <= limit else 0


def write_form(image: Path, folder: Path, *, name: str) -> Body:
    """Write a multipart form with the image as its only part, for servers that need a form."""
    boundary = uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{image.name}"'
        "\r\nContent-Type: image/jpeg\r\n\r\n"
    )
    path = folder / f"{name}.form"
    path.write_bytes(head.encode() + image.read_bytes() + f"\r\n--{boundary}--\r\n".encode())
    return Body(path, f"multipart/form-data; boundary={boundary}")


def _time(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
