"""Measure the images per second that one GPU serves, and those of the forward pass alone.

    python -m benchmarks.gpu_serving [--networks resnet18 resnet50] [--processes 2 4 8]

wrk posts one photograph on increasing numbers of connections. The forward pass alone runs on images
in GPU memory, in the service's precision, at each batch size. The utilization of CPU and GPU shows
the bottleneck, as does the number of images that one process decodes with a thread per core.
Networks other than SqueezeNet are barely trained, which does not change their speed. The program
prints a table and writes every figure to --out. It exits with 2 if there is no CUDA device.
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
from itertools import product
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
    drain,
    measure_alone,
    post_body,
    require_generator,
    run_load,
)
from benchmarks.serving.models import find_image, prepare

_NUM_WARM_UP, _NUM_STEPS, _NUM_ROUNDS = 10, 50, 5
_NUM_DECODED = 400
_WARM_UP_SECONDS = 3.0
_SAMPLE_SECONDS = 0.2
_GENERATOR_THREADS = 4
_INPUT_SIZE = 224


def measure_forward(network: str, batch_size: int) -> float:
    """Measure the images per second of the network alone, in the service's precision."""
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
    """Measure how many images per second this process decodes and resizes, a thread per core."""
    torch.set_num_threads(1)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(servable.prepare, [image] * (_NUM_DECODED // 10)))
        started = time.perf_counter()
        list(pool.map(servable.prepare, [image] * _NUM_DECODED))
    return _NUM_DECODED / (time.perf_counter() - started)


def measure_service(
    url: str, body: Body, connections: Sequence[int], seconds: float
) -> Iterator[dict[str, Any]]:
    """Measure the service under each load, and wait until it is idle in between."""
    with httpx.Client() as client:
        send_once = partial(post_body, client, url, body)
        send_once()
        alone_seconds = measure_alone(send_once)
        for number in connections:
            threads = min(number, _GENERATOR_THREADS)
            put = partial(run_load, url, body, connections=number, threads=threads)
            put(seconds=_WARM_UP_SECONDS)
            drain(send_once, alone_seconds)
            with measuring_utilization() as busy:
                load = put(seconds=seconds)
            drain(send_once, alone_seconds)
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
def measuring_utilization() -> Iterator[dict[str, float]]:
    """Measure the utilization of the CPU and the first GPU during the block, 0 to 1.

    The dict is filled when the block ends. A GPU counts as used while any kernel runs on it (NVML).
    """
    busy: dict[str, float] = {}
    samples: list[float] = []
    is_over = threading.Event()
    device = pynvml.nvmlDeviceGetHandleByIndex(0)

    def sample() -> None:
        while not is_over.wait(_SAMPLE_SECONDS):
            samples.append(pynvml.nvmlDeviceGetUtilizationRates(device).gpu / 100)

    watcher = threading.Thread(target=sample)
    psutil.cpu_percent()  # Starts the interval that the next call reports.
    watcher.start()
    try:
        yield busy
    finally:
        is_over.set()
        watcher.join()
    busy |= {"processors_busy": psutil.cpu_percent() / 100, "device_busy": mean(samples)}


def write_tables(figures: Mapping[str, Any]) -> str:
    """Write Markdown tables: the forward pass by batch size, then the service by connections."""
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
            "| network | decoded on | API processes | connections | served, images/s | p50 ms "
            "| p99 ms | errors | processors busy | generator, cores | device busy |"
        ),
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['network']} | {row['decoded_on']} | {row['processes']} | {row['connections']} "
        f"| {row['images_per_second']:,.0f} | {row['p50_ms']:.1f} | {row['p99_ms']:.1f} "
        f"| {row['errors']} | {row['processors_busy']:.0%} | {row['generator_cores']:.1f} "
        f"| {row['device_busy']:.0%} |"
        for row in figures["service"]
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure the GPU and the service, and write the results."""
    shared = find_shared_dir()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", default=["resnet18", "resnet50"])
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[1, 8, 32, 128])
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 32, 128])
    parser.add_argument("--processes", nargs="+", type=int, default=[Settings().api_processes])
    parser.add_argument("--decode-on", nargs="+", choices=("cpu", "gpu"), default=["cpu"])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--archives", type=Path, default=shared / "data")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench/gpu-serving"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/gpu-serving.json"))
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print(
            "This machine has no CUDA device. Run this benchmark on a machine with one.",
            file=sys.stderr,
        )
        raise SystemExit(2)
    require_generator()
    work_dir = options.work_dir.absolute()
    work_dir.mkdir(parents=True, exist_ok=True)
    environment = environment_for("passive") | {"GRAFT_DEVICE": "cuda"}
    archives, weights_dir = options.archives.absolute(), options.weights_dir.absolute()
    served = prepare(options.networks, work_dir, archives, weights_dir, environment)
    image = find_image(work_dir, archives)
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
    for decode_on, number in product(options.decode_on, options.processes):
        settings = environment | {
            "GRAFT_API_PROCESSES": str(number),
            "GRAFT_PREDICT_DECODE_ON": decode_on,
        }
        with running_service(settings, work_dir / "graft-data", weights_dir) as (address, _):
            for name in options.networks:
                url = f"{address}/predict?model={name}"
                for row in measure_service(url, body, options.connections, options.seconds):
                    setup = {"network": name, "processes": number, "decoded_on": decode_on}
                    service.append(setup | row)
                    print(service[-1], file=sys.stderr, flush=True)
    figures = {"machine": machine, "forward": forward, "decoding": decoding, "service": service}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"{machine}\n\n{write_tables(figures)}")


if __name__ == "__main__":
    main()
