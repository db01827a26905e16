"""Every wait of the client ends with a result or with an error at its deadline."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graft_client import ApiError, Batch, Dataset, Graft, Job, Study, WaitTimeout
from tests.unit.client.answers import (
    VERSION,
    as_json,
    batch,
    dataset,
    event,
    job,
    later,
    stream,
    study,
)
from tests.unit.client.conftest import Service

LATER = later("/later", "0.01")
SHORT = 0.3
PING = b": ping\n\n"
QUEUED = event(1, "queued", {})
EVENTS = "/jobs/job_1/events/stream"


def answer_everything_later(service: Service) -> None:
    service.answer("GET", "/datasets/ds_1", as_json(dataset(status="ingesting")))
    service.answer("GET", "/predictions/pred_1", as_json(batch()))
    service.answer("GET", "/studies/study_1", as_json(study()))
    service.answer("GET", "/later", LATER)
    service.answer("GET", "/datasets/ds_1/advice", LATER)
    service.answer("POST", "/jobs/validate", LATER)
    service.answer("POST", f"{VERSION}/evaluate", LATER)
    service.answer("POST", f"{VERSION}/quantize", LATER)
    service.answer("PUT", "/models/pets/aliases/champion", LATER)
    service.answer("GET", f"{VERSION}/export", LATER)
    service.answer("GET", EVENTS, stream(QUEUED, is_broken=True))


def read_dataset(graft: Graft) -> Dataset:
    return Dataset.read(graft.connection, dataset())


def read_job(graft: Graft) -> Job:
    return Job.read(graft.connection, job(status="queued"))


@pytest.mark.parametrize(
    "wait",
    [
        lambda graft: read_dataset(graft).wait(timeout_seconds=SHORT),
        lambda graft: Batch.read(graft.connection, batch()).wait(timeout_seconds=SHORT),
        lambda graft: Study.read(graft.connection, study()).wait(timeout_seconds=SHORT),
        lambda graft: read_job(graft).wait(timeout_seconds=SHORT),
        lambda graft: read_dataset(graft).advice(timeout_seconds=SHORT),
        lambda graft: graft.jobs.validate("ds_1", timeout_seconds=SHORT),
        lambda graft: graft.model("pets").version(3).evaluate("ds_1", timeout_seconds=SHORT),
        lambda graft: graft.model("pets").version(3).quantize("ds_1", timeout_seconds=SHORT),
        lambda graft: graft.model("pets").promote(3, timeout_seconds=SHORT),
        lambda graft: graft.model("pets").version(3).export("never.zip", timeout_seconds=SHORT),
    ],
)
def test_a_wait_ends_at_its_deadline(
    graft: Graft, service: Service, wait: Callable[[Graft], Any]
) -> None:
    answer_everything_later(service)
    with pytest.raises(WaitTimeout, match=r"after 0\.3 s") as raised:
        wait(graft)
    assert raised.value.code == "WAIT_TIMEOUT"
    assert not Path("never.zip").exists()


def test_pings_are_not_events(graft: Graft, service: Service) -> None:
    service.answer("GET", EVENTS, stream(QUEUED + PING * 3))
    (found,) = read_job(graft).follow()
    assert found.model_dump()["type"] == "queued"


def test_a_stream_of_another_program_is_an_error(graft: Graft, service: Service) -> None:
    service.answer("GET", EVENTS, as_json("hello"))
    with pytest.raises(ApiError, match="application/json"):
        list(read_job(graft).follow())
    assert len(service.received) == 1


def test_a_202_without_location_is_an_error(graft: Graft, service: Service) -> None:
    service.answer("GET", "/datasets/ds_1/advice", as_json({}, 202))
    with pytest.raises(ApiError, match="Location"):
        read_dataset(graft).advice()
