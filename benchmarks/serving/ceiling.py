"""What the cores could serve at most: their number by the seconds that one image costs one core.

    python -m benchmarks.serving.ceiling CHECKPOINT IMAGE

times, on one core and with one thread, Graft's own decoding and resizing, and one forward pass of
each engine that is installed, alone; prints both as a line of JSON, in milliseconds. HTTP is timed
by `measure_http`.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from app.errors import EngineUnavailable
from benchmarks.serving.generator import Body, ask, put_load
from benchmarks.serving.servers import find_free_port, running

if TYPE_CHECKING:
    from app.predictions.engines.engine import EngineName

_HTTP_CONNECTIONS = 32
_NUM_TIMES = 200


@dataclass(frozen=True)
class Ceiling:
    """What one image costs one core, in milliseconds; forward_ms by engine."""

    cores: int
    decode_ms: float
    forward_ms: dict[str, float]
    http_ms: float

    @property
    def engine(self) -> str:
        """The fastest engine."""
        return min(self.forward_ms, key=lambda name: self.forward_ms[name])

    @property
    def requests_per_second(self) -> float:
        each = self.decode_ms + self.forward_ms[self.engine] + self.http_ms
        return self.cores * 1000 / each


def measure_ceiling(
    checkpoint: Path, image: Path, http_ms: float, environment: Mapping[str, str]
) -> Ceiling:
    """Time the stages in a process of their own."""
    finished = subprocess.run(
        [sys.executable, "-m", __spec__.name, str(checkpoint), str(image)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    stages: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return Ceiling(cores=len(os.sched_getaffinity(0)), http_ms=http_ms, **stages)


def measure_http(
    image: Path, seconds: float, environment: Mapping[str, str], work_dir: Path
) -> float:
    """Milliseconds for a request that is only read and answered: 1 / throughput of one process."""
    port = find_free_port()
    url = f"http://127.0.0.1:{port}/"
    body = Body(image, "image/jpeg")
    where = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", "benchmarks.serving.empty:app", *where]
    with (
        httpx.Client() as client,
        running(command, environment, work_dir / "empty.log", lambda: ask(client, url, body)),
    ):
        put_load(url, body, connections=_HTTP_CONNECTIONS, seconds=1)
        load = put_load(url, body, connections=_HTTP_CONNECTIONS, seconds=seconds)
    return 1000 / load.requests_per_second


def main() -> None:
    """Time the stages on this process's first core."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("image", type=Path)
    options = parser.parse_args()
    # Before torch and its OpenMP library look at how many cores there are.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import torch  # noqa: PLC0415 - as above

    from app.predictions.engines.choice import choose_engine  # noqa: PLC0415 - as above
    from app.predictions.servable import load_servable  # noqa: PLC0415 - as above

    torch.set_num_threads(1)
    content = options.image.read_bytes()
    device = torch.device("cpu")
    decode_ms, forward_ms = 0.0, {}
    engines: tuple[EngineName, ...] = ("torch", "openvino", "onnxruntime")
    for name in engines:
        with suppress(EngineUnavailable):
            engine = choose_engine(name, device)
            servable = load_servable(options.checkpoint, None, device, engine=engine)
            pixels = servable.prepare(content)[None]
            forward_ms[name] = _time_ms(partial(servable.engine.run, pixels))
            decode_ms = _time_ms(partial(servable.prepare, content))
    print(json.dumps({"decode_ms": decode_ms, "forward_ms": forward_ms}))


def _time_ms(run: Callable[[], object]) -> float:
    """The median of the times that it takes, after a few to warm up."""
    times = []
    for number in range(_NUM_TIMES // 10 + _NUM_TIMES):
        started = time.perf_counter()
        run()
        if number >= _NUM_TIMES // 10:
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


if __name__ == "__main__":
    main()
