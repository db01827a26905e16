"""Images a second served from one GPU, beside the bare forward pass on it.

    python -m benchmarks.gpu_serving [--networks resnet18 resnet50] [--processes 2 4 8]

The service is asked about one photograph by wrk on growing numbers of connections; the bare forward
pass runs on images that lie on the device, in the service's numbers, at each batch size. What
bounds the service is told by how busy processors and device are meanwhile, and by how many images
a thread for each processor decodes in one process. Networks other than SqueezeNet have learned
next to nothing, which costs what learned ones cost. Prints a table, and writes every figure to
--out. Exits with 2 where there is no CUDA device.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import httpx
import psutil
import pynvml
import torch
from torchvision import models

from app.ml.runtime.precision import choose_precision
from app.predictions.servable import Servable, load_servable
from app.settings import Settings
from benchmarks.graft_service import running_service
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.processes import environment_for
from benchmarks.serving.generator import (
    Body,
    ask,
    drain,
    measure_alone,
    put_load,
    require_generator,
)
from benchmarks.serving.models import find_image, prepare

_NUM_WARM_UP, _NUM_STEPS, _NUM_ROUNDS = 10, 50, 5
_NUM_DECODED = 400
_WARM_UP_SECONDS = 3.0
_LOOK_SECONDS = 0.2
_GENERATOR_THREADS = 4
_INPUT_SIZE = 224


def measure_forward(network: str, batch_size: int) -> float:
    """Images a second of nothing but the network, in the numbers that the service takes."""
    device = torch.device("cuda")
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[
        choose_precision("auto", device)
    ]
    model = models.get_model(network, num_classes=2).eval().to(device, dtype)
    model.to(memory_format=torch.channels_last)
    images = torch.randn(batch_size, 3, _INPUT_SIZE, _INPUT_SIZE, device=device, dtype=dtype)
    images = images.contiguous(memory_format=torch.channels_last)
    rates = []
    with torch.inference_mode():
        for _ in range(_NUM_WARM_UP):
            model(images)
        for _ in range(_NUM_ROUNDS):
            torch.cuda.synchronize()
            started = time.perf_counter()
            for _ in range(_NUM_STEPS):
                model(images)
            torch.cuda.synchronize()
            rates.append(_NUM_STEPS * batch_size / (time.perf_counter() - started))
    return median(rates)


def measure_decoding(servable: Servable, image: bytes) -> float:
    """Images a second that a thread for each core decodes and resizes, all in this process."""
    torch.set_num_threads(1)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(servable.prepare, [image] * (_NUM_DECODED // 10)))
        started = time.perf_counter()
        list(pool.map(servable.prepare, [image] * _NUM_DECODED))
    return _NUM_DECODED / (time.perf_counter() - started)


def measure_service(
    url: str, body: Body, connections: Sequence[int], seconds: float
) -> Iterator[dict[str, Any]]:
    """The service under each load, drained in between."""
    with httpx.Client() as client:
        ask_once = partial(ask, client, url, body)
        ask_once()
        alone_seconds = measure_alone(ask_once)
        for number in connections:
            threads = min(number, _GENERATOR_THREADS)
            put = partial(put_load, url, body, connections=number, threads=threads)
            put(seconds=_WARM_UP_SECONDS)
            drain(ask_once, alone_seconds)
            with watching_machine() as busy:
                load = put(seconds=seconds)
            drain(ask_once, alone_seconds)
            yield {
                "connections": number,
                "images_per_second": load.requests_per_second,
                "p50_ms": load.p50_ms,
                "p99_ms": load.p99_ms,
                "errors": load.num_errors,
                "generator_cores": load.generator_cores,
                **busy,
            }


@contextmanager
def watching_machine() -> Iterator[dict[str, float]]:
    """After the block, how busy the processors and the first device were in it, 0 to 1.

    A device is busy while any kernel runs on it, however small (NVML's utilization).
    """
    busy: dict[str, float] = {}
    looks: list[float] = []
    is_over = threading.Event()
    device = pynvml.nvmlDeviceGetHandleByIndex(0)

    def look() -> None:
        while not is_over.wait(_LOOK_SECONDS):
            looks.append(pynvml.nvmlDeviceGetUtilizationRates(device).gpu / 100)

    watcher = threading.Thread(target=look)
    psutil.cpu_percent()  # from now on
    watcher.start()
    try:
        yield busy
    finally:
        is_over.set()
        watcher.join()
    busy |= {"processors_busy": psutil.cpu_percent() / 100, "device_busy": mean(looks)}


def write_tables(figures: Mapping[str, Any]) -> str:
    """Markdown: the bare pass by batch size, then the service by connections."""
    lines = ["| network | batch | bare forward, images/s |", "|---|---:|---:|"]
    lines += [
        f"| {row['network']} | {row['batch_size']} | {row['images_per_second']:,.0f} |"
        for row in figures["forward"]
    ]
    lines += [
        "",
        f"Decoding and resizing by one process's threads: {figures['decoding']:,.0f} images/s.",
        "",
        (
            "| network | API processes | connections | served, images/s | p50 ms | p99 ms | errors "
            "| processors busy | generator, cores | device busy |"
        ),
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['network']} | {row['processes']} | {row['connections']} "
        f"| {row['images_per_second']:,.0f} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} "
        f"| {row['errors']} | {row['processors_busy']:.0%} | {row['generator_cores']:.1f} "
        f"| {row['device_busy']:.0%} |"
        for row in figures["service"]
    ]
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=["resnet18", "resnet50"])
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[1, 8, 32, 128])
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 32, 128])
    parser.add_argument("--processes", nargs="+", type=int, default=[Settings().api_processes])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--photographs", type=Path, default=shared / "data/hymenoptera_data.zip")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench/gpu-serving"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/gpu-serving.json"))
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no CUDA device here: nothing to measure.", file=sys.stderr)
        raise SystemExit(2)
    require_generator()
    work_dir = options.work_dir.absolute()
    work_dir.mkdir(parents=True, exist_ok=True)
    environment = environment_for("passive") | {"GRAFT_DEVICE": "cuda"}
    photographs, weights_dir = options.photographs.absolute(), options.weights_dir.absolute()
    served = prepare(options.networks, work_dir, photographs, weights_dir, environment)
    image = find_image(work_dir, photographs)
    first = Path(served[options.networks[0]].checkpoint)
    servable = load_servable(first, None, torch.device("cpu"))
    machine = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}; {describe_machine()}"
    forward = [
        {"network": name, "batch_size": size, "images_per_second": measure_forward(name, size)}
        for name in options.networks
        for size in options.batch_sizes
    ]
    decoding = measure_decoding(servable, image.read_bytes())
    body = Body(image, "image/jpeg")
    pynvml.nvmlInit()
    service = []
    for number in options.processes:
        settings = environment | {"GRAFT_API_PROCESSES": str(number)}
        with running_service(settings, work_dir / "graft-data", weights_dir) as (address, _):
            for name in options.networks:
                url = f"{address}/predict?model={name}"
                for row in measure_service(url, body, options.connections, options.seconds):
                    service.append({"network": name, "processes": number, **row})
                    print(service[-1], file=sys.stderr, flush=True)
    figures = {"machine": machine, "forward": forward, "decoding": decoding, "service": service}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"{machine}\n\n{write_tables(figures)}")


if __name__ == "__main__":
    main()
