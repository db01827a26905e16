import json

import httpx
import pytest

from graft_client import following
from graft_client.errors import ApiError
from graft_client.graft import Graft
from graft_client.resources.jobs import JobEvent, Progress
from tests.unit.client.conftest import Answer, Service

STREAM = "/jobs/job_1/events/stream"


def event(number: int, kind: str = "epoch") -> bytes:
    body = json.dumps({"event_number": number, "type": kind, "payload": {"epoch": number}})
    return f"id: {number}\nevent: {kind}\ndata: {body}\n\n".encode()


def stream(body: bytes, *, is_broken: bool = False) -> Answer:
    return Answer(body, content_type="text/event-stream", is_broken=is_broken)


PROGRESS = b'event: progress\ndata: {"epoch": 1, "epochs": 3, "step": 2, "steps": 9}\n\n'


def last_event_ids(service: Service) -> list[str | None]:
    return [request.headers.get("Last-Event-ID") for request in service.received]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "RECONNECT_SECONDS", 0.0)


def test_events_and_progress_are_yielded_in_order(graft: Graft, service: Service) -> None:
    service.answer("GET", STREAM, stream(event(1, "queued") + PROGRESS + event(2, "succeeded")))
    first, progress, last = graft.follow_job("job_1")
    assert isinstance(first, JobEvent)
    assert isinstance(progress, Progress)
    assert isinstance(last, JobEvent)
    assert (first.type, progress.step, last.type) == ("queued", 2, "succeeded")
    assert last_event_ids(service) == [None]


def test_a_broken_stream_continues_after_the_last_event(graft: Graft, service: Service) -> None:
    service.answer(
        "GET",
        STREAM,
        stream(event(1) + event(2) + b"id: 3\ndata: {", is_broken=True),
        stream(PROGRESS, is_broken=True),
        stream(event(3) + event(4)),
    )
    events = [one for one in graft.follow_job("job_1") if isinstance(one, JobEvent)]
    assert [one.event_number for one in events] == [1, 2, 3, 4]
    assert last_event_ids(service) == [None, "2", "2"]


def test_following_can_start_after_an_event(graft: Graft, service: Service) -> None:
    service.answer("GET", STREAM, stream(event(8)))
    assert len(list(graft.follow_job("job_1", after=7))) == 1
    assert last_event_ids(service) == ["7"]


def test_a_stream_that_always_breaks_is_an_error(
    graft: Graft, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MAX_RECONNECTS", 3)
    service.answer("GET", STREAM, stream(b"", is_broken=True))
    with pytest.raises(httpx.TransportError):
        list(graft.follow_job("job_1"))
    assert len(service.received) == 4


def test_an_unknown_job_is_not_retried(graft: Graft, service: Service) -> None:
    problem = json.dumps({"code": "NOT_FOUND", "detail": "no such job"}).encode()
    service.answer("GET", STREAM, Answer(problem, 404, "application/problem+json"))
    with pytest.raises(ApiError) as raised:
        list(graft.follow_job("job_1"))
    assert raised.value.code == "NOT_FOUND"
    assert len(service.received) == 1
