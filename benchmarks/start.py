"""How long the service takes to start, how much memory it holds, and how long short work takes.

    python -m benchmarks.start [--runs 5] [--epochs 15]

Each time is printed beside something that is run in turn with it on the same machine: importing
torch and torchvision, decoding the same photographs once with Pillow, the tutorials' loop.
Needs the shared photographs and weights (GRAFT_SHARED_DIR).
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
from graft_client.graft import Graft

IDLE_SECONDS = 60.0
POLL_SECONDS = 0.01
HEAD_JOB = {"architecture": "squeezenet1_0", "strategy": "feature_extract"}


def main() -> None:
    """Measure everything and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="starts of each kind, in turn")
    parser.add_argument("--epochs", type=int, default=15, help="of the tutorials' loop")
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
    print("| what | median | ratio | goal |\n|---|---|---|---|")
    row("`import torch, torchvision`", reference, "", "")
    row(
        "first answer",
        median(starts["live"]),
        f"{median(starts['live']) / reference:.2f} x",
        "0.8 x",
    )
    row(
        "ready, predict included",
        median(starts["ready"]),
        f"{median(starts['ready']) / reference:.2f} x",
        "1.6 x",
    )
    row("`graft --help`", median(starts["help"]), "", "0.5 s")
    row("a client's command, service down", median(starts["client"]), "", "0.5 s")
    row("upload to `ready`", service["ingest"], f"{service['ingest'] / decoding:.2f} x", "2 x")
    row("decoding with Pillow", decoding, "", "")
    row("head-only job", service["job"], f"1 / {loop / service['job']:.1f}", "1 / 30")
    row(f"the tutorials' loop, {options.epochs} epochs", loop, "", "")
    print(f"\nIdle memory, one SqueezeNet chosen: {service['memory'] / 1024:.2f} GiB (goal 0.9)")


def row(what: str, seconds: float, ratio: str, goal: str) -> None:
    """Print a line of the table."""
    print(f"| {what} | {seconds:.2f} s | {ratio} | {goal} |")


def measure_starts(
    folder: Path, weights_dir: Path, environment: Mapping[str, str], runs: int
) -> dict[str, list[float]]:
    """Seconds of each start, one kind after the other in every run; a first run warms the files."""
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
    """Seconds from the command to the first answer, and to readiness."""
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
    """Seconds of an upload and of a head-only job, each the second of its kind; idle KiB of PSS."""
    with starting_service(environment, data_dir, weights_dir) as (url, _), Graft(url) as graft:
        wait_until_ready(url)
        for _ in range(2):
            started = time.perf_counter()
            dataset = graft.upload_dataset(archive, name="start")
            wait_for(f"{url}/datasets/{dataset.id}", lambda body: body["status"] == "ready")
            ingest = time.perf_counter() - started
        for _ in range(2):
            started = time.perf_counter()
            posted = graft.create_job(dataset.id, **HEAD_JOB)
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
    """Return once a resource is done, looked at ten times a second."""
    while not is_done(httpx.get(url, timeout=5).json()):
        time.sleep(0.1)


def wait_until_ready(url: str) -> None:
    """Return once the service at this address predicts."""
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
    """Seconds of the tutorials' loop over these photographs, its imports included."""
    command = [
        sys.executable,
        *("-m", "benchmarks.tutorial_loop", "--data", str(archive)),
        *("--weights-dir", str(weights_dir), "--epochs", str(epochs)),
    ]
    return time_command(command, environment)


def decode_all(archive: Path) -> None:
    """Decode every image of the archive once, in one thread."""
    with zipfile.ZipFile(archive) as content:
        for name in content.namelist():
            if name.endswith(".jpg"):
                Image.open(io.BytesIO(content.read(name))).convert("RGB").load()


def time_once(work: Callable[[], object]) -> float:
    """Seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def time_command(command: list[str], environment: Mapping[str, str]) -> float:
    """Seconds of a process, whatever its exit status."""
    return time_once(
        lambda: subprocess.run(command, env=dict(environment), capture_output=True, check=False)
    )


if __name__ == "__main__":
    main()
