"""Load on a server: wrk posts one body on so many connections, on the cores the server runs on."""

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
_CALM = 3
"""Answers in a row, each in about the time that one takes alone, after which nothing is left."""

_MOST_STOLEN, _MOST_TRIES = 0.02, 6


class GeneratorMissing(Exception):
    """wrk is not installed."""


class NotDrained(Exception):
    """A server is still busy with an earlier load's requests."""


class _Watched(Protocol):
    @property
    def stolen(self) -> float: ...


Measured = TypeVar("Measured", bound=_Watched)


@dataclass(frozen=True)
class Body:
    """What is posted: a file as wrk reads it, with its content type."""

    path: Path
    content_type: str


@dataclass(frozen=True)
class Load:
    """What a load came to.

    refused: answers of status 400 and above; timed_out: no answer within 30 s; broken: connections.
    generator_cores: the processor time that the generator took, in cores. stolen: the share of the
    machine's processor time that its host gave to others.
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
        """Answers with success."""
        return (self.num_requests - self.refused) / self.seconds

    @property
    def num_errors(self) -> int:
        return self.refused + self.timed_out + self.broken


def require_generator() -> str:
    """The version of wrk. Raises GeneratorMissing, saying what to install."""
    if shutil.which("wrk") is None:
        raise GeneratorMissing("wrk is not installed; Debian's and Ubuntu's package is `wrk`.")
    said = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False)  # noqa: S607 - found above
    return " ".join(said.stdout.split()[:2])


def put_load(url: str, body: Body, *, connections: int, seconds: float, threads: int = 1) -> Load:
    """Post on so many connections for so long, each waiting for its answer before the next."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with watching_host() as stolen:
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
    said: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Load(**said, generator_cores=spent / said["seconds"], stolen=stolen())


@contextmanager
def watching_host() -> Iterator[Callable[[], float]]:
    """Tells, after the block, the share of processor time that the host gave to others in it."""
    before = psutil.cpu_times()
    passed: list[float] = []
    yield lambda: passed[before._fields.index("steal")] / sum(passed)
    passed += [now - then for now, then in zip(psutil.cpu_times(), before, strict=True)]


def take_calm(measure: Callable[[], Measured]) -> Measured:
    """What was measured while the host left the machine alone, or the calmest of several tries."""
    taken: list[Measured] = []
    while len(taken) < _MOST_TRIES and not any(one.stolen <= _MOST_STOLEN for one in taken):
        taken.append(measure())
    return min(taken, key=lambda one: one.stolen)


def ask(client: httpx.Client, url: str, body: Body) -> Any:
    """One request's answer. Raises HTTPStatusError for one without success."""
    content = body.path.read_bytes()
    headers = {"Content-Type": body.content_type}
    response = client.post(url, content=content, headers=headers, timeout=_TIMEOUT_SECONDS)
    response.raise_for_status()
    return response.json()


def measure_alone(ask_once: Callable[[], Any], *, num_requests: int = 10) -> float:
    """The median of the seconds that requests take one after another."""
    return statistics.median(_time(ask_once) for _ in range(num_requests))


def drain(ask_once: Callable[[], Any], alone_seconds: float) -> None:
    """Wait until requests take about as long as alone.

    A generator that ends leaves requests behind that a slow server still works on; the next load
    would wait for them. Raises NotDrained after two minutes.
    """
    deadline = time.monotonic() + _DRAIN_SECONDS
    limit = 1.5 * alone_seconds + 0.005
    calm = 0
    while calm < _CALM:
        if time.monotonic() > deadline:
            raise NotDrained(f"no answer as fast as alone within {_DRAIN_SECONDS:g} s")
        calm = calm + 1 if _time(ask_once) <= limit else 0


def write_form(image: Path, folder: Path, *, name: str) -> Body:
    """A form whose one part is the image, for servers that take no other body."""
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
