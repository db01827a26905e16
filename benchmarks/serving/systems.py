"""What is compared: the peers and Graft, as data, and how each is started."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from app.ml.runtime.precision import choose_precision
from app.predictions.engines.choice import choose_engine
from app.predictions.engines.engine import EngineName
from app.settings import Settings
from benchmarks.serving.models import INT8_VERSION, ServedModel
from benchmarks.serving.peers.classifier import VARIABLE, Served

Kind = Literal["stock", "given", "tuned", "Graft"]
"""stock: as its pages say, the model in fp32 as its file has it; given: the same with the model
converted by hand, channels-last and in GIVEN_NUMBERS; tuned: that with one thread a process, too.
"""

GIVEN_NUMBERS: Literal["bf16", "fp32"] = (
    "bf16" if choose_precision("auto", torch.device("cpu")) == "bf16" else "fp32"
)
"""What a person would convert the model to on this processor."""

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
        return self.name + _SUFFIXES[self.kind]

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
_GIVEN = ", bf16" if GIVEN_NUMBERS == "bf16" else ", channels-last"
_SUFFIXES: dict[Kind, str] = {
    "stock": "",
    "given": _GIVEN,
    "tuned": f"{_GIVEN}, 1 thread",
    "Graft": "",
}
_THREADS: dict[Kind, int | None] = {"stock": None, "given": None, "tuned": 1}


def _list_peers() -> Iterator[System]:
    for kind, threads in _THREADS.items():
        for name, module in _PEERS:
            workers = 1 if module == "naive" else CORES
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
    """Its environment, upon the one that all inherit."""
    if system.kind == "Graft":
        return dict(inherited) | {
            "GRAFT_PORT": str(port),
            "GRAFT_DATA_DIR": str(work_dir / "graft-data"),
            "GRAFT_API_PROCESSES": str(system.workers),
            "GRAFT_PREDICT_ENGINE": system.engine,
        }
    served = Served(
        network=model.network,
        numbers="fp32" if system.kind == "stock" else GIVEN_NUMBERS,
        is_channels_last=system.kind != "stock",
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
