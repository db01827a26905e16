"""What is compared: the peers and Graft, as data, and how each is started."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from app.predictions.engines.choice import choose_engine
from app.predictions.engines.engine import EngineName
from app.settings import Settings
from benchmarks.serving.models import INT8_VERSION, ServedModel
from benchmarks.serving.peers.classifier import VARIABLE, Served

Kind = Literal["stock", "given", "Graft"]
"""stock: the model in fp32 as its file has it; given: by hand in bf16 and channels-last."""

CORES = len(os.sched_getaffinity(0))
_ROOT = Path(__file__).parents[2]
_PROCESSES = Settings().api_processes
_MAX_BATCH_SIZE, _MAX_WAIT_SECONDS = 8, 0.005


@dataclass(frozen=True)
class System:
    """One row of the comparison.

    module: the peer's in `benchmarks.serving.peers`. engine: Graft's GRAFT_PREDICT_ENGINE. workers:
    processes that answer. threads: torch's in each of them, None for torch's own choice, which is
    one a core. is_int8: whether it is Graft's version that was rounded to int8.
    """

    name: str
    kind: Kind
    module: str = ""
    engine: EngineName | Literal["auto"] = "auto"
    workers: int = 1
    threads: int | None = None
    is_int8: bool = False

    @property
    def label(self) -> str:
        numbers = ", bf16" if self.kind == "given" else ""
        return self.name + numbers + (", 1 thread" if self.threads == 1 else "")

    @property
    def is_form(self) -> bool:
        """Whether it takes an image only as a part of a form, the part named `images`."""
        return self.module == "bentoml_service"

    def settings(self) -> dict[str, Any]:
        """What a record keeps of how it ran."""
        if self.kind == "Graft":
            engine = choose_engine(self.engine, torch.device("cpu"))
            return {"engine": engine, "processes": self.workers}
        processes = {"workers": self.workers, "threads": self.threads}
        batches = {"max_batch_size": _MAX_BATCH_SIZE, "max_wait_seconds": _MAX_WAIT_SECONDS}
        return processes | ({} if self.module == "naive" else batches)


_PEERS = [
    ("naive FastAPI", "naive"),
    ("LitServe", "litserve_api"),
    ("BentoML", "bentoml_service"),
    ("mosec", "mosec_worker"),
]
_VARIANTS: list[tuple[Kind, int | None]] = [("stock", None), ("given", None), ("given", 1)]


def _list_peers() -> Iterator[System]:
    """Stock with torch's own threads; given with those, and with one thread a process.

    FastAPI runs requests in threads of one process: by hand, one would give each a single thread.
    """
    for kind, threads in _VARIANTS:
        for name, module in _PEERS:
            is_naive = module == "naive"
            if not (is_naive and kind == "given" and threads is None):
                workers = 1 if is_naive else CORES
                yield System(name, kind, module, workers=workers, threads=threads)


SYSTEMS = [
    *_list_peers(),
    System("Graft, torch", "Graft", engine="torch", workers=_PROCESSES),
    System("Graft, 1 process", "Graft"),
    System("Graft, int8", "Graft", workers=_PROCESSES, is_int8=True),
    System("Graft", "Graft", workers=_PROCESSES),
]

OWN = "Graft"
"""The system that is judged: the service as it is installed."""


def find_url(system: System, network: str, port: int) -> str:
    """Where it takes images."""
    path = {"mosec_worker": "/inference"}.get(system.module, "/predict")
    version = f":{INT8_VERSION}" if system.is_int8 else ""
    query = f"?model={network}{version}" if system.kind == "Graft" else ""
    return f"http://127.0.0.1:{port}{path}{query}"


def read_answer(system: System, answer: Any) -> tuple[str, float]:
    """The label that it thinks best, with its probability."""
    if system.kind == "Graft":
        answer = answer["predictions"]
    best = answer[0] if isinstance(answer, list) else answer
    return best["label"], best["probability"]


def build_command(system: System, port: int, peer_python: Path) -> list[str]:
    """What starts it in the foreground."""
    if system.kind == "Graft":
        return [sys.executable, "-m", "app.cli", "up"]
    module = f"benchmarks.serving.peers.{system.module}"
    if system.module == "bentoml_service":
        service = f"{module}:ClassifierService"
        where = ["--host", "127.0.0.1", "--port", str(port)]
        return [str(peer_python), "-m", "bentoml", "serve", service, *where]
    return [str(peer_python), "-m", module]


def build_environment(
    system: System, model: ServedModel, port: int, work_dir: Path, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Its environment; inherited has the OpenMP policy."""
    if system.kind == "Graft":
        return dict(inherited) | {
            "GRAFT_PORT": str(port),
            "GRAFT_DATA_DIR": str(work_dir / "graft-data"),
            "GRAFT_API_PROCESSES": str(system.workers),
            "GRAFT_PREDICT_ENGINE": system.engine,
        }
    served = Served(
        network=model.network,
        numbers="bf16" if system.kind == "given" else "fp32",
        threads=system.threads,
        workers=system.workers,
        max_batch_size=_MAX_BATCH_SIZE,
        max_wait_seconds=_MAX_WAIT_SECONDS,
        port=port,
    )
    return dict(inherited) | {
        VARIABLE: served.to_json(),
        "PYTHONPATH": str(_ROOT),
        "BENTOML_HOME": str(work_dir / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        # A line for each request; no other peer writes one here.
        "BENTOML_CONFIG_OPTIONS": "api_server.logging.access.enabled=false",
    }
