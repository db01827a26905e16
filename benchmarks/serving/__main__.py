"""Compare Graft's serving with naive FastAPI, LitServe, BentoML and mosec.

    python -m benchmarks.serving --out serving.json

Every system serves the same networks with the same weights on the same cores. wrk posts the same
photograph to each. All systems run once per repeat before the next repeat. The program prints the
tables and the targets, and stores every load in --out. A second call with the same file continues
where the first one stopped. `benchmarks/README.md` describes the options.
"""

import argparse
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.machine import describe_machine, find_shared_dir
from benchmarks.processes import environment_for
from benchmarks.serving.ceiling import measure_http, measure_in_turn, measure_steps
from benchmarks.serving.generator import GeneratorMissing, require_generator
from benchmarks.serving.models import QUANTIZED, find_image, prepare
from benchmarks.serving.records import Record, Results, read_results, write_results
from benchmarks.serving.run import Conditions, run_system
from benchmarks.serving.summary import TARGET_CONNECTIONS, check_targets, write_tables
from benchmarks.serving.systems import SYSTEMS, System

_NETWORKS = ["squeezenet1_0", "resnet18"]
_HTTP_SECONDS = 5.0


@dataclass(frozen=True)
class Options:
    """The options of a call."""

    networks: list[str]
    systems: list[System]
    connections: list[int]
    repeats: int
    is_full: bool
    archives: Path
    weights_dir: Path
    conditions: Conditions
    out: Path


@dataclass(frozen=True)
class Turn:
    """One start of one system for one network, with the loads to measure."""

    repeat: int
    network: str
    system: System
    connections: list[int]


def list_turns(options: Options) -> Iterator[Turn]:
    """List the turns in the order in which they run.

    Without --full, loads that no target uses are skipped to save time. Only the load with
    TARGET_CONNECTIONS connections is repeated. ResNet-18 gets that load alone, and only Graft and
    peers without a converted model serve it.
    """
    for repeat in range(options.repeats):
        for network in options.networks:
            is_first = network == _NETWORKS[0]
            for system in options.systems:
                connections = options.connections
                if (
                    not options.is_full
                    and (repeat > 0 or not is_first)
                    and TARGET_CONNECTIONS in connections
                ):
                    connections = [TARGET_CONNECTIONS]
                if system.is_int8 and network not in QUANTIZED:
                    continue
                if options.is_full or is_first or system.kind in {"stock", "Graft"}:
                    yield Turn(repeat, network, system, connections)


def run_all(options: Options) -> Results:
    """Run what --out does not contain yet, and write each record at once."""
    earlier = read_results(options.out)
    conditions = options.conditions
    _log(
        f"Graft trains the models that are missing; its log is in {conditions.work_dir}/graft-data"
    )
    models = prepare(
        options.networks,
        conditions.work_dir,
        options.archives,
        options.weights_dir,
        conditions.environment,
    )
    records, ceilings = earlier.records, dict(earlier.ceilings)
    missing = [network for network in options.networks if network not in ceilings]
    if missing:
        _log("measuring the steps of the ceiling")
        http_ms = measure_http(
            conditions.image, _HTTP_SECONDS, conditions.environment, conditions.work_dir
        )
        for network in missing:
            checkpoint = Path(models[network].checkpoint)
            ceilings[network] = measure_steps(
                checkpoint, conditions.image, http_ms, conditions.environment
            )
        write_results(options.out, ceilings, records)
    done = {record.key for record in records}
    turns = list(list_turns(options))
    for number, turn in enumerate(turns, start=1):
        system, network, repeat = turn.system, turn.network, turn.repeat
        left = [c for c in turn.connections if (system.label, network, c, repeat) not in done]
        if not left:
            continue
        ceiling = ceilings[network]
        if len(ceiling.in_turn) <= repeat:
            in_turn = measure_in_turn(
                Path(models[network].checkpoint),
                conditions.image,
                ceiling.engine,
                conditions.seconds,
                conditions.environment,
            )
            ceilings[network] = replace(ceiling, in_turn=[*ceiling.in_turn, in_turn])
            _log(f"{number}/{len(turns)} ceiling {network} {repeat} {in_turn}")
        for record in run_system(system, models[network], left, repeat, conditions):
            records.append(record)
            _report(record, f"{number}/{len(turns)}")
            write_results(options.out, ceilings, records)
    return Results(describe_machine(), ceilings, records)


def _report(record: Record, progress: str) -> None:
    outcome = record.error or ""
    if record.load:
        load = record.load
        outcome = (
            f"{load.requests_per_second:.1f} req/s, p50 {load.p50_ms:.1f} ms, "
            f"p99 {load.p99_ms:.1f} ms, {load.num_errors} errors"
        )
    _log(progress, *record.key, outcome)


def _log(*values: object) -> None:
    print(*values, file=sys.stderr, flush=True)


def _parse() -> Options:
    shared = find_shared_dir()
    names = [system.label for system in SYSTEMS]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", nargs="+", choices=_NETWORKS, default=_NETWORKS)
    parser.add_argument("--systems", nargs="+", choices=names, default=names)
    parser.add_argument(
        "--connections", nargs="+", type=int, default=[1, 8, TARGET_CONNECTIONS, 64]
    )
    parser.add_argument("--seconds", type=float, default=6.0, help="duration of each measured load")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="repeat every load on both networks")
    parser.add_argument("--archives", type=Path, default=shared / "data")
    parser.add_argument("--weights-dir", type=Path, default=shared / "weights")
    parser.add_argument("--peer-python", type=Path, default=Path(".venv-serving/bin/python"))
    parser.add_argument("--work-dir", type=Path, default=Path("build/bench/serving"))
    parser.add_argument("--out", type=Path, default=Path("build/bench/serving.json"))
    given = parser.parse_args()
    work_dir = given.work_dir.absolute()
    work_dir.mkdir(parents=True, exist_ok=True)
    archives = given.archives.absolute()
    return Options(
        networks=given.networks,
        systems=[system for system in SYSTEMS if system.label in given.systems],
        connections=given.connections,
        repeats=given.repeats,
        is_full=given.full,
        archives=archives,
        weights_dir=given.weights_dir.absolute(),
        conditions=Conditions(
            image=find_image(work_dir, archives),
            seconds=given.seconds,
            peer_python=given.peer_python.absolute(),
            work_dir=work_dir,
            environment=environment_for("default"),
        ),
        out=given.out,
    )


def main() -> None:
    """Run the comparison, then print the results; exit with 1 if wrk is not installed."""
    try:
        version = require_generator()
    except GeneratorMissing as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from error
    # Exit through an exception, so that the running server is stopped.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    results = run_all(_parse())
    print(f"{results.machine}, {version}\n\n{write_tables(results)}\n")
    for check in check_targets(results):
        print(check)


if __name__ == "__main__":
    main()
