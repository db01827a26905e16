"""One system under its loads, from its start to its end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx

from benchmarks.processes import MemoryWatch
from benchmarks.serving.generator import (
    Body,
    Load,
    ask,
    drain,
    measure_alone,
    put_load,
    take_calm,
    write_form,
)
from benchmarks.serving.models import ServedModel
from benchmarks.serving.records import Record
from benchmarks.serving.servers import find_free_port, running
from benchmarks.serving.systems import (
    System,
    build_command,
    build_environment,
    find_url,
    read_answer,
)

TOLERANCE = 0.02
"""In probability: what bf16 and Pillow's resize in whole levels may move an answer by."""

_WARM_UP_SECONDS = 2.0
_WARM_UP_ANSWERS = 5


class WrongAnswer(Exception):
    """A system does not say of the photograph what Graft says."""


@dataclass(frozen=True)
class Conditions:
    """What all systems have in common."""

    image: Path
    seconds: float
    peer_python: Path
    work_dir: Path
    environment: Mapping[str, str]


def run_system(
    system: System,
    model: ServedModel,
    connections: Sequence[int],
    repeat: int,
    conditions: Conditions,
) -> Iterator[Record]:
    """Start it, check its answer, and put each load on it in turn, drained in between.

    Whatever goes wrong is in the record of each load that was to come.
    """
    left = list(connections)
    begun = Record(
        system.label,
        system.kind,
        model.network.architecture,
        connections[0],
        repeat,
        settings=system.settings(),
    )
    try:
        for record in _run(system, model, left, begun, conditions):
            yield record
            left.remove(record.connections)
    except Exception as error:  # noqa: BLE001 - the table says why a system has no figures
        for number in left:
            yield replace(begun, connections=number, error=f"{type(error).__name__}: {error}")


def _run(
    system: System,
    model: ServedModel,
    connections: Sequence[int],
    begun: Record,
    conditions: Conditions,
) -> Iterator[Record]:
    folder = conditions.work_dir / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{system.label}, {begun.network}.log".replace(" ", "_")
    port = find_free_port()
    url = find_url(system, begun.network, port)
    body = (
        write_form(conditions.image, conditions.work_dir, name="images")
        if system.is_form
        else Body(conditions.image, "image/jpeg")
    )
    command = build_command(system, port, conditions.peer_python)
    environment = build_environment(
        system, model, port, conditions.work_dir, conditions.environment
    )
    with httpx.Client() as client:
        ask_once = partial(ask, client, url, body)

        def load_and_drain() -> Load:
            load = put_load(url, body, connections=number, seconds=conditions.seconds)
            drain(ask_once, alone_seconds)
            return load

        with running(command, environment, log, ask_once) as pid:
            for _ in range(_WARM_UP_ANSWERS):
                label, probability = read_answer(system, ask_once())
                _require_same(model, label, probability)
            alone_seconds = measure_alone(ask_once)
            begun = replace(
                begun, label=label, probability=probability, alone_ms=alone_seconds * 1000
            )
            for number in list(connections):
                # Reading the memory of all processes costs time: not while a load is measured.
                with MemoryWatch(pid) as memory:
                    put_load(url, body, connections=number, seconds=_WARM_UP_SECONDS)
                drain(ask_once, alone_seconds)
                load = take_calm(load_and_drain)
                yield replace(begun, connections=number, load=load, peak_mib=memory.peak_mib)


def _require_same(model: ServedModel, label: str, probability: float) -> None:
    if label != model.label or abs(probability - model.probability) > TOLERANCE:
        raise WrongAnswer(
            f"{label} {probability:.4f} instead of {model.label} {model.probability:.4f}"
        )
