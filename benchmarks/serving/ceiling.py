"""Measure the ceiling: the most requests per second that the machine's cores could serve.

A process of `benchmarks.serving.steps` runs on each core and only processes images. `measure_http`
times HTTP separately.
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

from benchmarks.serving.generator import (
    Body,
    measure_undisturbed,
    measuring_stolen_time,
    post_body,
    run_load,
)
from benchmarks.serving.servers import find_free_port, running

_HTTP_CONNECTIONS = 32


@dataclass(frozen=True)
class InTurn:
    """Images per second of all cores at once, and the share of CPU time that the host stole."""

    images_per_second: float
    stolen: float


@dataclass(frozen=True)
class Ceiling:
    """The milliseconds that one core needs for each step of an image; forward_ms by engine.

    Each step is timed alone. in_turn: one measurement per repeat, of all cores at once with one
    step after the other.
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
        """Name of the fastest engine."""
        return min(self.forward_ms, key=lambda name: self.forward_ms[name])

    @property
    def images_per_second(self) -> float:
        """Images per second of all cores at once, the median over repeats."""
        return statistics.median(one.images_per_second for one in self.in_turn)

    @property
    def requests_per_second(self) -> float:
        """The ceiling: requests per second from the steps in turn and HTTP."""
        return self._rate(self.cores * 1000 / self.images_per_second)

    @property
    def sum_of_steps(self) -> float:
        """Requests per second if every step took as long as it takes alone."""
        return self._rate(self.decode_ms + self.forward_ms[self.engine])

    def _rate(self, image_ms: float) -> float:
        return self.cores * 1000 / (image_ms + self.http_ms)


def measure_steps(
    checkpoint: Path, image: Path, http_ms: float, environment: Mapping[str, str]
) -> Ceiling:
    """Time each step alone in a separate process."""
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
    """Measure the images per second of all cores at once; repeat if the host steals CPU time."""
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
            with measuring_stolen_time() as stolen:
                for worker in workers:
                    assert worker.stdin is not None  # noqa: S101 - a pipe
                    worker.stdin.write("go\n")
                    worker.stdin.flush()
                rates = [float(_read(worker)) for worker in workers]
            return InTurn(sum(rates), stolen())

        return measure_undisturbed(work)


def measure_http(
    image: Path, seconds: float, environment: Mapping[str, str], work_dir: Path
) -> float:
    """Measure the milliseconds of one core to send a request and answer it with an empty app."""
    port = find_free_port()
    url = f"http://127.0.0.1:{port}/"
    body = Body(image, "image/jpeg")
    where = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", "benchmarks.serving.empty:app", *where]
    with (
        _on_one_core(),
        httpx.Client() as client,
        running(command, environment, work_dir / "empty.log", lambda: post_body(client, url, body)),
    ):
        run_load(url, body, connections=_HTTP_CONNECTIONS, seconds=1)
        load = measure_undisturbed(
            partial(run_load, url, body, connections=_HTTP_CONNECTIONS, seconds=seconds)
        )
    return 1000 / load.requests_per_second


@contextmanager
def _on_one_core() -> Iterator[None]:
    """Pin this process, and those that it starts in the block, to one core."""
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
