"""Progress of a job on the terminal."""

import io
from typing import Any

import pytest
from rich.console import Console

from app.demo.job_progress import watch_job
from graft_client import Graft, Job
from tests.unit.client.answers import as_json, event, job, stream
from tests.unit.client.conftest import Service

METRICS: dict[str, Any] = {
    "train_loss": 0.7,
    "train_accuracy": 0.5,
    "val_loss": 0.6,
    "val_accuracy": 0.75,
    "seconds": 2.0,
    "images_per_second": 10.0,
    "is_best": False,
}


def watch(graft: Graft, service: Service, rate: float | None, **fields: Any) -> str:
    """Watch a job of two rows until its end; return the printed text."""
    events = [
        *(("epoch", METRICS | {"epoch": n, "learning_rate": rate}) for n in (1, 2)),
        ("succeeded", {}),
    ]
    body = b"".join(event(number, *one) for number, one in enumerate(events, 1))
    service.answer("GET", "/jobs/job_1/events/stream", stream(body))
    finished = job() | fields
    service.answer("GET", "/jobs/job_1", as_json(finished))
    text = io.StringIO()
    console = Console(file=text, width=120)
    watch_job(Job.read(graft.connection, finished), title="Pets", console=console)
    return text.getvalue()


def test_rows_of_a_solved_head_are_named_by_their_strengths(graft: Graft, service: Service) -> None:
    optimizer = {"name": "lbfgs", "l2_strengths": [1.0, 0.003]}
    printed = watch(graft, service, None, config={"optimizer": optimizer})
    assert "L2 strength" in printed
    assert "epoch" not in printed
    rows = [line.split()[0] for line in printed.splitlines() if "0.600" in line]
    assert rows == ["1", "0.003"]


@pytest.mark.parametrize(("epoch", "is_named"), [(0, True), (2, False)])
def test_a_solved_head_that_no_epoch_beats_is_named(
    graft: Graft, service: Service, epoch: int, is_named: bool
) -> None:
    best = {"epoch": epoch, "val_accuracy": 0.846, "val_loss": 0.4}
    printed = watch(graft, service, 0.1, config={"optimizer": {"name": "sgd"}}, best=best)
    rows = [line.split()[0] for line in printed.splitlines() if "0.600" in line]
    assert rows == ["1", "2"]
    assert ("solved head" in printed) is is_named
