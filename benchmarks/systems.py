"""List the systems of the training benchmark, and run one of them."""

import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmarks import graft_child, graft_service
from benchmarks.datasets import Dataset
from benchmarks.peers.request import Precision, Request
from benchmarks.processes import FinishedProcess, OmpPolicy, environment_for, run_measured

ARCHITECTURE = "squeezenet1_0"

Driven = Literal["peer", "child", "service"]
"""The way to run a system.

peer: a module of `benchmarks.peers`. child: Graft's training process without the service.
service: Graft over HTTP, from upload to model.
"""


@dataclass(frozen=True)
class System:
    """One row of the comparison.

    learns: feature_extract or fine_tune, the strategy to compare it with. epochs: None means the
    number in the peer's documentation. fields: those of
    POST /jobs for Graft, empty for peers.
    """

    name: str
    driven: Driven
    learns: str
    module: str = ""
    precision: Precision = "float32"
    architecture: str = ARCHITECTURE
    epochs: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One epoch. elapsed: seconds since the start of the process, or of the upload."""

    seconds: float
    elapsed: float
    val_accuracy: float


@dataclass(frozen=True)
class Record:
    """One run. A failed run has an error and no rows.

    import_seconds: the time until the process began to train, 0 for the service, which is already
    running. total_seconds: the time until the model was trained, and stored if the system does so.
    """

    system: str
    driven: Driven
    learns: str
    dataset: str
    seed: int
    omp: OmpPolicy
    rows: list[Row] = field(default_factory=list)
    import_seconds: float = 0.0
    total_seconds: float = 0.0
    peak_mib: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    @property
    def key(self) -> tuple[str, Driven, str, str, int, OmpPolicy]:
        return (self.system, self.driven, self.learns, self.dataset, self.seed, self.omp)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Record":
        return cls(**(fields | {"rows": [Row(**row) for row in fields["rows"]]}))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


_PEER_MODULES: list[tuple[str, str, Precision]] = [
    ("tutorial", "tutorial", "float32"),
    ("tutorial-steplr", "tutorial_steplr", "float32"),
    ("fastai", "fastai_learner", "float32"),
    ("lightning", "lightning_module", "float32"),
    ("lightning-bf16", "lightning_module", "bfloat16"),
    ("timm", "timm_recipe", "float32"),
    ("timm-bf16", "timm_recipe", "bfloat16"),
    ("transformers", "transformers_trainer", "float32"),
    ("transformers-bf16", "transformers_trainer", "bfloat16"),
]

PEERS = [
    System(name, "peer", learns, module, precision)
    for learns in ("feature_extract", "fine_tune")
    for name, module, precision in _PEER_MODULES
]

_JOBS: list[dict[str, Any]] = [
    {"name": "Graft tutorial", "fields": {"strategy": "feature_extract", "preset": "tutorial"}},
    {"name": "Graft", "fields": {"strategy": "feature_extract"}, "service": True},
    {"name": "Graft tutorial", "fields": {"strategy": "fine_tune", "preset": "tutorial"}},
    {"name": "Graft", "fields": {"strategy": "fine_tune"}, "service": True},
    {
        "name": "Graft partial",
        "fields": {"strategy": "partial", "trainable_from": "features.7"},
    },
]


def read_jobs(path: Path | None) -> list[System]:
    """Read Graft's systems from a JSON file, or return the default ones.

    The file holds a list of objects with the keys name, fields (of POST /jobs, with a strategy) and
    service (true if the job also runs through the service). partial is compared with fine_tune.
    """
    jobs = _JOBS if path is None else json.loads(path.read_text())
    return [
        System(job["name"], driven, _compare_with(job["fields"]), fields=job["fields"])
        for job in jobs
        for driven in (("child", "service") if job.get("service") else ("child",))
    ]


def run_system(
    system: System, dataset: Dataset, weights_dir: Path, *, seed: int, omp: OmpPolicy
) -> Record:
    """Run a system once in an empty folder; an error goes into the record."""
    unfinished = Record(system.name, system.driven, system.learns, dataset.name, seed, omp)
    run = {"peer": _run_peer, "child": _run_child, "service": _run_service}[system.driven]
    with tempfile.TemporaryDirectory(prefix="graft-bench-") as scratch:
        try:
            return run(system, dataset, weights_dir, unfinished, Path(scratch))
        except Exception as error:  # noqa: BLE001 - the table lists the error
            return Record(*unfinished.key, error=f"{type(error).__name__}: {error}")


def _run_peer(
    system: System, dataset: Dataset, weights_dir: Path, unfinished: Record, scratch: Path
) -> Record:
    written = scratch / "written"
    written.mkdir()
    request = Request(
        folder=dataset.folder.absolute(),
        weights_file=weights_dir / f"{ARCHITECTURE}.safetensors",
        strategy="feature_extract" if system.learns == "feature_extract" else "fine_tune",
        seed=unfinished.seed,
        input_size=dataset.input_size,
        scratch_dir=written,
        architecture=system.architecture,
        epochs=system.epochs,
        precision=system.precision,
    )
    command = [sys.executable, "-m", "benchmarks.peers", system.module]
    finished = run_measured(
        [*command, json.dumps(request.to_json())],
        environment_for(unfinished.omp),
        scratch / "log",
    )
    lines = {name: line for line in finished.lines for name in line.content}
    return Record(
        *unfinished.key,
        rows=[
            Row(line.content["row"]["seconds"], line.seconds, line.content["row"]["val_accuracy"])
            for line in finished.lines
            if "row" in line.content
        ],
        import_seconds=lines["import_seconds"].seconds,
        total_seconds=lines["trained_seconds"].seconds,
        peak_mib=finished.peak_mib,
        settings=lines["settings"].content["settings"] | {"precision": system.precision},
    )


def _run_child(
    system: System, dataset: Dataset, weights_dir: Path, unfinished: Record, scratch: Path
) -> Record:
    recipe = graft_child.resolve_recipe(_fields(system, dataset, unfinished.seed))
    stored = graft_child.store_dataset(dataset.folder, scratch / "storage")
    environment = environment_for(unfinished.omp)
    finished = graft_child.train(recipe, stored, weights_dir, environment, scratch / "log")
    rows = [
        (Row(row["seconds"], line.seconds, row["val_accuracy"]), row["is_best"])
        for line in finished.lines
        if line.content["type"] == "epochs_done"
        for row in line.content["rows"]
    ]
    return Record(
        *unfinished.key,
        rows=_select_best_row(rows)
        if recipe.optimizer.name == "lbfgs"
        else [row for row, _ in rows],
        import_seconds=finished.lines[0].seconds,
        total_seconds=finished.lines[-1].seconds,
        peak_mib=finished.peak_mib,
        settings=recipe.model_dump(mode="json") | {"start_accuracy": _find_start(finished)},
    )


def _find_start(finished: FinishedProcess) -> float | None:
    """Return the validation accuracy of the solved head that a training began with, if it did."""
    started = next(line.content for line in finished.lines if line.content["type"] == "started")
    head_start = started["resolved"]["head_start"]
    return head_start["val_accuracy"] if head_start else None


def _run_service(
    system: System, dataset: Dataset, weights_dir: Path, unfinished: Record, scratch: Path
) -> Record:
    ran = graft_service.run_job(
        dataset.folder,
        _fields(system, dataset, unfinished.seed),
        weights_dir,
        scratch / "data",
        environment_for(unfinished.omp),
    )
    rows = [
        (Row(epoch.seconds, elapsed, epoch.val_accuracy), epoch.is_best)
        for epoch, elapsed in zip(ran.epochs, ran.elapsed, strict=True)
    ]
    has_solver = ran.job.config["optimizer"]["name"] == "lbfgs"
    return Record(
        *unfinished.key,
        rows=_select_best_row(rows) if has_solver else [row for row, _ in rows],
        total_seconds=ran.total_seconds,
        peak_mib=ran.peak_mib,
        settings=ran.job.config
        | {"ingest_seconds": ran.ingest_seconds, "job_seconds": ran.job_seconds},
    )


def _select_best_row(rows: list[tuple[Row, bool]]) -> list[Row]:
    """Reduce a solver's rows, one per L2 strength, to the one that cross-validation chose."""
    chosen = [row for row, is_best in rows if is_best][-1]
    seconds = sum(row.seconds for row, _ in rows)
    return [Row(seconds, rows[-1][0].elapsed, chosen.val_accuracy)]


def _fields(system: System, dataset: Dataset, seed: int) -> dict[str, Any]:
    own = {"architecture": system.architecture, "input_size": dataset.input_size, "seed": seed}
    return own | dict(system.fields)


def _compare_with(fields: Mapping[str, Any]) -> str:
    return "feature_extract" if fields["strategy"] == "feature_extract" else "fine_tune"
