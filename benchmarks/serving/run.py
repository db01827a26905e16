"""Start one system, put its loads on it, and stop it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx

from benchmarks.processes import MemoryWatch
from benchmarks.serving.generator import (
    Body,
    Load,
    drain,
    measure_alone,
    measure_undisturbed,
    post_body,
    run_load,
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
    read_prediction,
)

TOLERANCE = 0.02
"""Allowed difference in probability, due to bf16 and to Pillow's resize in whole levels."""

_WARM_UP_SECONDS = 2.0
_NUM_WARM_UP_REQUESTS = 5


class WrongPrediction(Exception):
    """A system's prediction for the photograph differs from Graft's."""


@dataclass(frozen=True)
class Conditions:
    """The settings that all systems share."""

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
    """Start a system, check its prediction, and measure each load in turn.

    After an error, the record of each remaining load holds the error.
    """
    remaining = list(connections)
    unfinished = Record(
        system.label,
        system.kind,
        model.network.architecture,
        connections[0],
        repeat,
        settings=system.settings(),
    )
    try:
        for record in _run(system, model, remaining, unfinished, conditions):
            yield record
            remaining.remove(record.connections)
    except Exception as error:  # noqa: BLE001 - the table lists the error
        for number in remaining:
            yield replace(unfinished, connections=number, error=f"{type(error).__name__}: {error}")


def _run(
    system: System,
    model: ServedModel,
    connections: Sequence[int],
    unfinished: Record,
    conditions: Conditions,
) -> Iterator[Record]:
    folder = conditions.work_dir / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{system.label}, {unfinished.network}.log".replace(" ", "_")
    port = find_free_port()
    url = find_url(system, unfinished.network, port)
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
        send_once = partial(post_body, client, url, body)

        def load_and_drain() -> Load:
            load = run_load(url, body, connections=number, seconds=conditions.seconds)
            drain(send_once, alone_seconds)
            return load

        with running(command, environment, log, send_once) as pid:
            for _ in range(_NUM_WARM_UP_REQUESTS):
                label, probability = read_prediction(system, send_once())
                _require_same_prediction(model, label, probability)
            alone_seconds = measure_alone(send_once)
            unfinished = replace(
                unfinished, label=label, probability=probability, alone_ms=alone_seconds * 1000
            )
            for number in list(connections):
                # Reading memory takes CPU time, so it happens only during the warm-up.
                with MemoryWatch(pid) as memory:
                    run_load(url, body, connections=number, seconds=_WARM_UP_SECONDS)
                drain(send_once, alone_seconds)
                load = measure_undisturbed(load_and_drain)
                yield replace(unfinished, connections=number, load=load, peak_mib=memory.peak_mib)


def _require_same_prediction(model: ServedModel, label: str, probability: float) -> None:
    if label != model.label or abs(probability - model.probability) > TOLERANCE:
        raise WrongPrediction(
            f"the system predicts {label} with probability {probability:.4f}; Graft predicts "
            f"{model.label} with {model.probability:.4f} (tolerance {TOLERANCE})"
        )
