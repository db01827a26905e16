"""The steps of a prediction without a service, on one core and with one thread.

    python -m benchmarks.serving.steps CHECKPOINT IMAGE CORE
    python -m benchmarks.serving.steps CHECKPOINT IMAGE CORE --engine ENGINE --seconds SECONDS

The first prints a line of JSON: the milliseconds of Graft's own decoding and resizing, and of one
forward pass of each engine that is installed, each alone. The second says "ready", and for each
line that it reads does both in turn for so long and prints the images a second.
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
    """Work on the core that is given."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("core", type=int)
    parser.add_argument("--engine")
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    # Before torch and its OpenMP library look at how many cores there are.
    os.sched_setaffinity(0, {options.core})
    import torch  # noqa: PLC0415 - as above

    torch.set_num_threads(1)
    content = options.image.read_bytes()
    if options.engine:
        _work_in_turn(_load(options.checkpoint, options.engine), content, options.seconds)
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


def _work_in_turn(servable: "Servable", content: bytes, seconds: float) -> None:
    def work(seconds: float) -> float:
        started, num_images = time.perf_counter(), 0
        while time.perf_counter() < started + seconds:
            servable.engine.run(servable.prepare(content)[None])
            num_images += 1
        return num_images / (time.perf_counter() - started)

    work(1.0)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(work(seconds), flush=True)


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
