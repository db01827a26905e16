"""Measure how many predictions are answered in time when three times too many are requested.

The API runs on one core and this generator on another. First 16 connections that wait for their
answers measure the throughput; then requests are sent at a multiple of that rate, whatever is
answered.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.processes import environment_for
from benchmarks.serving.generator import measuring_stolen_time
from benchmarks.serving.models import JOBS, find_image, prepare
from benchmarks.serving.servers import find_free_port, running

_API_CORE, _GENERATOR_CORE = 0, 1
_CONNECTIONS = 16
_WARM_UP_SECONDS = 5.0
_DEADLINE_SECONDS = 30.0
"""GRAFT_PREDICT_DEADLINE_SECONDS; an answer after it is not in time."""

_MAX_CONNECTIONS = 900
"""Fewer than GRAFT_MAX_CONNECTIONS, so that the service closes none."""


@dataclass
class Load:
    """Answers by status, 0 for a lost connection; times in seconds."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    """Of the answers with 200 that arrived in time and before the end."""

    @property
    def goodput(self) -> float:
        """Predictions a second that were answered in time."""
        return len(self.latencies) / self.seconds

    def find_percentile(self, share: float) -> float:
        """Return the latency that this share of the good answers does not exceed."""
        ordered = sorted(self.latencies)
        return ordered[int(share * (len(ordered) - 1))] if ordered else float("nan")


class Generator:
    """Posts one image, over connections that are kept open."""

    def __init__(self, port: int, image: bytes) -> None:
        self._port = port
        head = (
            "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {len(image)}\r\n\r\n"
        )
        self._request = head.encode() + image
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._num_open = 0

    async def post_in_turn(self, seconds: float) -> Load:
        """Keep _CONNECTIONS requests waiting for answers."""
        load = Load(seconds)
        end = time.monotonic() + seconds

        async def repeat() -> None:
            while time.monotonic() < end:
                await self._post(load, end)

        await asyncio.gather(*(repeat() for _ in range(_CONNECTIONS)))
        return load

    async def post_at_rate(self, rate: float, seconds: float) -> Load:
        """Send so many requests a second, evenly."""
        load = Load(seconds)
        started = time.monotonic()
        end = started + seconds
        tasks: set[asyncio.Task[None]] = set()
        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            if not self._idle and self._num_open >= _MAX_CONNECTIONS:
                load.statuses[0] += 1  # the service is so far behind that clients would time out
                continue
            task = asyncio.create_task(self._post(load, end))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return load

    async def _post(self, load: Load, end: float) -> None:
        started = time.monotonic()
        status = 0
        with suppress(OSError, asyncio.IncompleteReadError):
            status = await self._exchange()
        ended = time.monotonic()
        load.statuses[status] += 1
        if status == httpx.codes.OK and ended <= min(end, started + _DEADLINE_SECONDS):
            load.latencies.append(ended - started)

    async def _exchange(self) -> int:
        is_new = not self._idle
        if is_new:
            self._num_open += 1
        connection = None
        is_kept = False
        try:
            connection = (
                await asyncio.open_connection("127.0.0.1", self._port)
                if is_new
                else self._idle.pop()
            )
            reader, writer = connection
            writer.write(self._request)
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            is_kept = b"connection: close" not in head
            return int(head.split(b" ", 2)[1])
        finally:
            if is_kept and connection is not None:
                self._idle.append(connection)
            else:
                self._num_open -= 1
                if connection is not None:
                    connection[1].close()


@contextmanager
def running_api(arguments: argparse.Namespace, image: Path) -> Iterator[int]:
    """Run the API on its core, with the model of the network chosen; yields its port."""
    port = find_free_port()
    url = f"http://127.0.0.1:{port}/predict"
    environment = os.environ | {
        **environment_for("default"),
        "GRAFT_DATA_DIR": str(arguments.work_dir / "graft-data"),
        "GRAFT_PORT": str(port),
        "GRAFT_DEVICE": "cpu",
    }
    command = ["taskset", "--cpu-list", str(_API_CORE), sys.executable, "-m", "app.cli"]

    def send_once() -> None:
        answer = httpx.post(url, content=image.read_bytes(), headers={"Content-Type": "image/jpeg"})
        answer.raise_for_status()

    log = arguments.work_dir / "overload.log"
    with running([*command, "--log-level", "warning", "api"], environment, log, send_once):
        choose = {"model": f"{arguments.network}:1"}
        httpx.put(url.replace("/predict", "/serving"), json=choose).raise_for_status()
        yield port


async def measure(port: int, image: bytes, arguments: argparse.Namespace) -> tuple[Load, Load]:
    """Return the loads without and with overload."""
    generator = Generator(port, image)
    await generator.post_in_turn(_WARM_UP_SECONDS)
    without = await generator.post_in_turn(arguments.seconds)
    rate = arguments.factor * without.goodput
    overload = await generator.post_at_rate(rate, arguments.seconds)
    return without, overload


def describe(name: str, load: Load) -> str:
    """Return the figures of a load in one line."""
    statuses = ", ".join(f"{status}: {n}" for status, n in sorted(load.statuses.items()))
    p50, p99 = (load.find_percentile(share) * 1000 for share in (0.5, 0.99))
    return f"{name}: {load.goodput:.1f} in time/s, p50 {p50:.0f} ms, p99 {p99:.0f} ms ({statuses})"


def main(given: Sequence[str] | None = None) -> None:
    """Measure and print both loads, and their ratio; exit with 1 if it is below the goal."""
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", choices=list(JOBS), default="resnet18")
    parser.add_argument("--seconds", type=float, default=60.0, help="duration of each load")
    parser.add_argument("--factor", type=float, default=3.0, help="overload, in throughputs")
    parser.add_argument("--goal", type=float, default=0.9)
    parser.add_argument("--archives", type=Path, default=shared / "data")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench/serving"))
    arguments = parser.parse_args(given)
    arguments.work_dir = arguments.work_dir.absolute()
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    archives = arguments.archives.absolute()
    machine = describe_machine()
    prepare(
        [arguments.network],
        arguments.work_dir,
        archives,
        arguments.weights_dir.absolute(),
        environment_for("default"),
    )
    image = find_image(arguments.work_dir, archives)
    os.sched_setaffinity(0, {_GENERATOR_CORE})
    with running_api(arguments, image) as port, measuring_stolen_time() as stolen:
        without, overload = asyncio.run(measure(port, image.read_bytes(), arguments))
    ratio = overload.goodput / without.goodput
    print(f"{machine}, {arguments.network}, {stolen():.0%} of CPU time stolen")
    print(describe("without overload", without))
    print(describe(f"{arguments.factor:g} times the throughput", overload))
    print(f"goodput under overload: {ratio:.0%} (goal: {arguments.goal:.0%})")
    sys.exit(ratio < arguments.goal)


if __name__ == "__main__":
    main()
