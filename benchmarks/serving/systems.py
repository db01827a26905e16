"""List the systems of the serving benchmark, and define how each is started and called."""

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
from benchmarks.serving.peers.classifier import VARIABLE, ServingConfig

Kind = Literal["stock", "given", "tuned", "Graft"]
"""The setup of a system.

stock: as documented, with the model in fp32. given: the model is also converted to channels-last
and to CONVERTED_PRECISION. tuned: as given, with one torch thread per process. Graft: the service.
"""

CONVERTED_PRECISION: Literal["bf16", "fp32"] = (
    "bf16" if choose_precision("auto", torch.device("cpu")) == "bf16" else "fp32"
)
"""The fastest precision for the peers' models on this CPU."""

CORES = len(os.sched_getaffinity(0))
_ROOT = Path(__file__).parents[2]
_PROCESSES = Settings().api_processes
_MAX_BATCH_SIZE, _MAX_WAIT_SECONDS = 8, 0.005


@dataclass(frozen=True)
class System:
    """One row of the comparison.

    module: the peer's module in `benchmarks.serving.peers`. engine: Graft's GRAFT_PREDICT_ENGINE.
    workers: the number of serving processes. threads: torch threads per process, None for torch's
    default of one per core. is_int8: serve Graft's version that is quantized to int8.
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
        """True if the system needs a form, with the image in a part named `images`."""
        return self.module == "bentoml_service"

    def settings(self) -> dict[str, Any]:
        """Return the settings that a record stores."""
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
_GIVEN = ", bf16" if CONVERTED_PRECISION == "bf16" else ", channels-last"
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
"""The system that the targets apply to: the service with its default settings."""


def find_url(system: System, network: str, port: int) -> str:
    """Return the URL that takes images."""
    path = {"mosec_worker": "/inference"}.get(system.module, "/predict")
    version = f":{INT8_VERSION}" if system.is_int8 else ""
    query = f"?model={network}{version}" if system.kind == "Graft" else ""
    return f"http://127.0.0.1:{port}{path}{query}"


def read_prediction(system: System, response: Any) -> tuple[str, float]:
    """Read the most probable label and its probability from a response."""
    if system.kind == "Graft":
        response = response["predictions"]
    best = response[0] if isinstance(response, list) else response
    return best["label"], best["probability"]


def build_command(system: System, port: int, peer_python: Path) -> list[str]:
    """Build the command that starts a system in the foreground."""
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
    """Build the environment of a system from the one that all inherit."""
    if system.kind == "Graft":
        return dict(inherited) | {
            "GRAFT_PORT": str(port),
            "GRAFT_DATA_DIR": str(work_dir / "graft-data"),
            "GRAFT_API_PROCESSES": str(system.workers),
            "GRAFT_PREDICT_ENGINE": system.engine,
        }
    config = ServingConfig(
        network=model.network,
        precision="fp32" if system.kind == "stock" else CONVERTED_PRECISION,
        is_channels_last=system.kind != "stock",
        threads=system.threads,
        workers=system.workers,
        max_batch_size=_MAX_BATCH_SIZE,
        max_wait_seconds=_MAX_WAIT_SECONDS,
        port=port,
    )
    return dict(inherited) | {
        VARIABLE: config.to_json(),
        "PYTHONPATH": str(_ROOT),
        "BENTOML_HOME": str(work_dir / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        # BentoML logs each request by default; the other peers do not.
        "BENTOML_CONFIG_OPTIONS": "api_server.logging.access.enabled=false",
    }
