"""Measure the service's start-up time, idle memory, and the time of short tasks.

    python -m benchmarks.start [--runs 5] [--epochs 15]

The program compares each time with a reference on the same machine: importing torch and
torchvision, decoding the same photographs once with Pillow, or the tutorials' loop. It needs the
shared photographs and weights (GRAFT_SHARED_DIR).
"""

import argparse
import io
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import psutil
from PIL import Image

from benchmarks.graft_service import starting_service
from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.processes import environment_for, read_kib
from graft_client import Graft
from graft_client.options import JobOptions

IDLE_SECONDS = 60.0
POLL_SECONDS = 0.01
HEAD_JOB: JobOptions = {"architecture": "squeezenet1_0", "strategy": "feature_extract"}


def main() -> None:
    """Measure everything and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="number of starts of each kind")
    parser.add_argument(
        "--epochs", type=int, default=15, help="number of epochs of the tutorials' loop"
    )
    options = parser.parse_args()
    shared = find_shared_dir()
    archive = shared / "data" / "hymenoptera_data.zip"
    weights_dir = shared / "weights"
    environment = environment_for("default")
    print(f"{describe_machine()}\n")
    with TemporaryDirectory() as name:
        folder = Path(name)
        starts = measure_starts(folder, weights_dir, environment, options.runs)
        service = measure_service(folder / "work", weights_dir, environment, archive)
        decoding = time_once(lambda: decode_all(archive))
        loop = time_tutorial(archive, weights_dir, environment, options.epochs)
    reference = median(starts["import"])
    print("| measurement | median | ratio | goal |\n|---|---|---|---|")
    row("`import torch, torchvision`", reference, "", "")
    row(
        "first response",
        median(starts["live"]),
        f"{median(starts['live']) / reference:.2f} x",
        "0.8 x",
    )
    row(
        "ready to predict",
        median(starts["ready"]),
        f"{median(starts['ready']) / reference:.2f} x",
        "1.6 x",
    )
    row("`graft --help`", median(starts["help"]), "", "0.5 s")
    row("client command while the service is down", median(starts["client"]), "", "0.5 s")
    row("upload to `ready`", service["ingest"], f"{service['ingest'] / decoding:.2f} x", "2 x")
    row("decoding with Pillow", decoding, "", "")
    row(
        "job that trains only the head",
        service["job"],
        f"1 / {loop / service['job']:.1f}",
        "1 / 30",
    )
    row(f"the tutorials' loop, {options.epochs} epochs", loop, "", "")
    print(f"\nIdle memory, one SqueezeNet loaded: {service['memory'] / 1024:.2f} GiB (goal 0.9)")


def row(measurement: str, seconds: float, ratio: str, goal: str) -> None:
    """Print a row of the table."""
    print(f"| {measurement} | {seconds:.2f} s | {ratio} | {goal} |")


def measure_starts(
    folder: Path, weights_dir: Path, environment: Mapping[str, str], runs: int
) -> dict[str, list[float]]:
    """Time each kind of start in seconds, runs times; a first run fills the page cache."""
    graft = str(Path(sys.executable).with_name("graft"))
    times: dict[str, list[float]] = {
        key: [] for key in ("import", "live", "ready", "help", "client")
    }
    for number in range(runs + 1):
        live, ready = time_start(folder / f"start-{number}", weights_dir, environment)
        once = {
            "import": time_command(
                [sys.executable, "-c", "import torch, torchvision"], environment
            ),
            "live": live,
            "ready": ready,
            "help": time_command([graft, "--help"], environment),
            "client": time_command(
                [graft, "predict", __file__, "--url", "http://127.0.0.1:9"], environment
            ),
        }
        if number > 0:
            for key, seconds in once.items():
                times[key].append(seconds)
    return times


def time_start(
    data_dir: Path, weights_dir: Path, environment: Mapping[str, str]
) -> tuple[float, float]:
    """Time a start in seconds: until the first response, and until the service is ready."""
    started = time.perf_counter()
    live = None
    with starting_service(environment, data_dir, weights_dir) as (url, _):
        while True:
            try:
                if live is None and httpx.get(f"{url}/livez", timeout=5).is_success:
                    live = time.perf_counter() - started
                if live is not None and httpx.get(f"{url}/readyz", timeout=5).is_success:
                    return live, time.perf_counter() - started
            except httpx.TransportError:
                pass
            time.sleep(POLL_SECONDS)


def measure_service(
    data_dir: Path, weights_dir: Path, environment: Mapping[str, str], archive: Path
) -> dict[str, float]:
    """Measure the second upload and the second head-only job in seconds, and idle PSS in MiB."""
    with starting_service(environment, data_dir, weights_dir) as (url, _), Graft(url) as graft:
        wait_until_ready(url)
        for _ in range(2):
            started = time.perf_counter()
            dataset = graft.datasets.upload(archive, name="start", progress=False)
            wait_for(f"{url}/datasets/{dataset.id}", lambda body: body["status"] == "ready")
            ingest = time.perf_counter() - started
        for _ in range(2):
            started = time.perf_counter()
            posted = graft.train(dataset, **HEAD_JOB)
            wait_for(f"{url}/jobs/{posted.id}", lambda body: body["status"] == "succeeded")
            job = time.perf_counter() - started
    with starting_service(environment, data_dir, weights_dir) as (url, process):
        wait_until_ready(url)
        time.sleep(IDLE_SECONDS)
        root = psutil.Process(process.pid)
        tree = [root, *root.children(recursive=True)]
        memory = sum(read_kib(one.pid, "smaps_rollup", "Pss") for one in tree) / 1024
    return {"ingest": ingest, "job": job, "memory": memory}


def wait_for(url: str, is_done: Callable[[dict[str, Any]], bool]) -> None:
    """Poll a resource ten times a second until it is done."""
    while not is_done(httpx.get(url, timeout=5).json()):
        time.sleep(0.1)


def wait_until_ready(url: str) -> None:
    """Poll until the service at this URL is ready to predict."""
    while True:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(POLL_SECONDS)


def time_tutorial(
    archive: Path, weights_dir: Path, environment: Mapping[str, str], epochs: int
) -> float:
    """Time the tutorials' loop over the photographs in seconds, with its imports."""
    command = [
        sys.executable,
        *("-m", "benchmarks.tutorial_loop", "--data", str(archive)),
        *("--weights-dir", str(weights_dir), "--epochs", str(epochs)),
    ]
    return time_command(command, environment)


def decode_all(archive: Path) -> None:
    """Decode every image in the archive once, in one thread."""
    with zipfile.ZipFile(archive) as content:
        for name in content.namelist():
            if name.endswith(".jpg"):
                Image.open(io.BytesIO(content.read(name))).convert("RGB").load()


def time_once(work: Callable[[], object]) -> float:
    """Time a call in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def time_command(command: list[str], environment: Mapping[str, str]) -> float:
    """Time a process in seconds, with any exit status."""
    return time_once(
        lambda: subprocess.run(command, env=dict(environment), capture_output=True, check=False)
    )


if __name__ == "__main__":
    main()
