"""Every wait of the client ends with a result or with an error at its deadline."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graft_client.errors import ApiError, WaitTimeout
from graft_client.graft import Graft
from tests.unit.client.conftest import Answer, Service
from tests.unit.client.test_graft import dataset
from tests.unit.client.test_models import VERSION, as_json
from tests.unit.client.test_predictions import batch

LATER = Answer(
    b"{}", 202, headers=(("Location", "/later"), ("Retry-After", "0.01")), is_broken=False
)
SHORT = 0.3
PING = b": ping\n\n"
QUEUED = b'id: 1\nevent: queued\ndata: {"event_number": 1, "type": "queued", "payload": {}}\n\n'


def answer_everything_later(service: Service) -> None:
    service.answer("GET", "/datasets/ds_1", as_json(dataset(status="ingesting")))
    service.answer("GET", "/predictions/pred_1", as_json(batch()))
    service.answer("GET", "/later", LATER)
    service.answer("GET", "/datasets/ds_1/advice", LATER)
    service.answer("POST", "/jobs/validate", LATER)
    service.answer("POST", f"{VERSION}/evaluate", LATER)
    service.answer("POST", f"{VERSION}/quantize", LATER)
    service.answer("PUT", "/models/pets/aliases/champion", LATER)
    service.answer("GET", f"{VERSION}/export", LATER)
    stream = Answer(QUEUED, content_type="text/event-stream", is_broken=True)
    service.answer("GET", "/jobs/job_1/events/stream", stream)


@pytest.mark.parametrize(
    "wait",
    [
        lambda graft: graft.wait_for_dataset("ds_1", timeout_seconds=SHORT),
        lambda graft: graft.wait_for_batch("pred_1", timeout_seconds=SHORT),
        lambda graft: graft.wait_for_job("job_1", timeout_seconds=SHORT),
        lambda graft: graft.advise("ds_1", timeout_seconds=SHORT),
        lambda graft: graft.validate_job("ds_1", timeout_seconds=SHORT),
        lambda graft: graft.evaluate_version("pets", 3, "ds_1", timeout_seconds=SHORT),
        lambda graft: graft.quantize_version("pets", 3, "ds_1", timeout_seconds=SHORT),
        lambda graft: graft.promote("pets", 3, timeout_seconds=SHORT),
        lambda graft: graft.save_export(
            "pets", 3, Path("never.zip"), format="onnx", timeout_seconds=SHORT
        ),
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
    stream = Answer(QUEUED + PING * 3, content_type="text/event-stream")
    service.answer("GET", "/jobs/job_1/events/stream", stream)
    (event,) = graft.follow_job("job_1")
    assert event.model_dump()["type"] == "queued"


def test_a_stream_of_another_program_is_an_error(graft: Graft, service: Service) -> None:
    service.answer("GET", "/jobs/job_1/events/stream", Answer(b"<html>", content_type="text/html"))
    with pytest.raises(ApiError, match="text/html"):
        list(graft.follow_job("job_1"))
    assert len(service.received) == 1


def test_a_202_without_location_is_an_error(graft: Graft, service: Service) -> None:
    service.answer("GET", "/datasets/ds_1/advice", Answer(json.dumps({}).encode(), 202))
    with pytest.raises(ApiError, match="Location"):
        graft.advise("ds_1")
