"""What the cores could serve at most: all of them at work on images, and on nothing else.

One process of `benchmarks.serving.steps` on each core at once, but for HTTP, which `measure_http`
times.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.serving.generator import Body, ask, put_load, take_calm, watching_host
from benchmarks.serving.servers import find_free_port, running

_HTTP_CONNECTIONS = 32


@dataclass(frozen=True)
class InTurn:
    """Images a second of all cores at once, and the share of time that the host took meanwhile."""

    images_per_second: float
    stolen: float


@dataclass(frozen=True)
class Ceiling:
    """What one image costs one core, each step alone, in milliseconds, forward_ms by engine.

    in_turn: all cores at once, one step after the other, once in each repeat.
    """

    cores: int
    decode_ms: float
    forward_ms: dict[str, float]
    http_ms: float
    in_turn: list[InTurn] = field(default_factory=list)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Ceiling":
        return cls(**fields | {"in_turn": [InTurn(**one) for one in fields["in_turn"]]})

    @property
    def engine(self) -> str:
        """The fastest engine."""
        return min(self.forward_ms, key=lambda name: self.forward_ms[name])

    @property
    def images_per_second(self) -> float:
        """Of all cores at once: the median over repeats."""
        return statistics.median(one.images_per_second for one in self.in_turn)

    @property
    def requests_per_second(self) -> float:
        """An image as it was in turn, and HTTP."""
        return self._rate(self.cores * 1000 / self.images_per_second)

    @property
    def sum_of_steps(self) -> float:
        """Requests a second if every step took as long as it takes alone."""
        return self._rate(self.decode_ms + self.forward_ms[self.engine])

    def _rate(self, image_ms: float) -> float:
        return self.cores * 1000 / (image_ms + self.http_ms)


def measure_steps(
    checkpoint: Path, image: Path, http_ms: float, environment: Mapping[str, str]
) -> Ceiling:
    """Time the steps, each alone, in a process of their own."""
    cores = sorted(os.sched_getaffinity(0))
    finished = subprocess.run(
        _command(checkpoint, image, cores[0]),
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    steps: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return Ceiling(cores=len(cores), http_ms=http_ms, **steps)


def measure_in_turn(
    checkpoint: Path, image: Path, engine: str, seconds: float, environment: Mapping[str, str]
) -> InTurn:
    """Let every core work on images at once, while the host leaves the machine alone."""
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(
                    [
                        *_command(checkpoint, image, core),
                        *("--engine", engine, "--seconds", str(seconds)),
                    ],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for core in os.sched_getaffinity(0)
        ]
        for worker in workers:
            _read(worker)

        def work() -> InTurn:
            with watching_host() as stolen:
                for worker in workers:
                    assert worker.stdin is not None  # noqa: S101 - a pipe
                    worker.stdin.write("go\n")
                    worker.stdin.flush()
                rates = [float(_read(worker)) for worker in workers]
            return InTurn(sum(rates), stolen())

        return take_calm(work)


def measure_http(
    image: Path, seconds: float, environment: Mapping[str, str], work_dir: Path
) -> float:
    """Milliseconds of a core for a request that is only read and answered, and for making it."""
    port = find_free_port()
    url = f"http://127.0.0.1:{port}/"
    body = Body(image, "image/jpeg")
    where = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", "benchmarks.serving.empty:app", *where]
    with (
        _on_one_core(),
        httpx.Client() as client,
        running(command, environment, work_dir / "empty.log", lambda: ask(client, url, body)),
    ):
        put_load(url, body, connections=_HTTP_CONNECTIONS, seconds=1)
        load = take_calm(
            partial(put_load, url, body, connections=_HTTP_CONNECTIONS, seconds=seconds)
        )
    return 1000 / load.requests_per_second


@contextmanager
def _on_one_core() -> Iterator[None]:
    """This process, and those that it starts in the block."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _command(checkpoint: Path, image: Path, core: int) -> list[str]:
    where = [str(checkpoint), str(image), str(core)]
    return [sys.executable, "-m", "benchmarks.serving.steps", *where]


def _read(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None  # noqa: S101 - a pipe
    line = worker.stdout.readline()
    if not line:
        raise subprocess.CalledProcessError(worker.wait(), worker.args)
    return line
