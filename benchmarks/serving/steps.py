"""Time the steps of a prediction without a service, on one core and with one thread.

    python -m benchmarks.serving.steps CHECKPOINT IMAGE CORE
    python -m benchmarks.serving.steps CHECKPOINT IMAGE CORE --engine ENGINE --seconds SECONDS

The first command prints a line of JSON with the milliseconds of Graft's decoding and resizing, and
of a forward pass in each installed engine. The second prints "ready". For each line on standard
input it then runs both steps in turn for SECONDS and prints the images per second.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import EngineUnavailable

if TYPE_CHECKING:
    from app.predictions.engines.engine import EngineName
    from app.predictions.servable import Servable

_NUM_TIMES = 200


def main() -> None:
    """Pin the process to the core and time the steps."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("core", type=int)
    parser.add_argument("--engine")
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    # Set this before torch and its OpenMP library count the cores.
    os.sched_setaffinity(0, {options.core})
    import torch  # noqa: PLC0415 - as above

    torch.set_num_threads(1)
    content = options.image.read_bytes()
    if options.engine:
        _serve_images(_load(options.checkpoint, options.engine), content, options.seconds)
    else:
        print(json.dumps(_time_steps(options.checkpoint, content)))


def _load(checkpoint: Path, name: "EngineName") -> "Servable":
    import torch  # noqa: PLC0415 - as above

    from app.predictions.engines.choice import choose_engine  # noqa: PLC0415 - as above
    from app.predictions.servable import load_servable  # noqa: PLC0415 - as above

    device = torch.device("cpu")
    return load_servable(checkpoint, None, device, engine=choose_engine(name, device))


def _time_steps(checkpoint: Path, content: bytes) -> dict[str, Any]:
    decode_ms, forward_ms = 0.0, {}
    engines: tuple[EngineName, ...] = ("torch", "openvino", "onnxruntime")
    for name in engines:
        with suppress(EngineUnavailable):
            servable = _load(checkpoint, name)
            pixels = servable.prepare(content)[None]
            forward_ms[name] = _time_ms(partial(servable.engine.run, pixels))
            decode_ms = _time_ms(partial(servable.prepare, content))
    return {"decode_ms": decode_ms, "forward_ms": forward_ms}


def _serve_images(servable: "Servable", content: bytes, seconds: float) -> None:
    def run(seconds: float) -> float:
        started, num_images = time.perf_counter(), 0
        while time.perf_counter() < started + seconds:
            servable.engine.run(servable.prepare(content)[None])
            num_images += 1
        return num_images / (time.perf_counter() - started)

    run(1.0)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(run(seconds), flush=True)


def _time_ms(run: Callable[[], object]) -> float:
    """Return the median milliseconds of a call, after a warm-up."""
    times = []
    for number in range(_NUM_TIMES // 10 + _NUM_TIMES):
        started = time.perf_counter()
        run()
        if number >= _NUM_TIMES // 10:
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


if __name__ == "__main__":
    main()
