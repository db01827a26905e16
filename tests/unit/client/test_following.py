"""Follow the events of a job."""

import pytest

from graft_client import ApiError, ConnectionFailed, Graft, Job
from graft_client.schemas.jobs import JobEvent, Progress
from graft_client.synchronous import events
from tests.unit.client.answers import event, job, problem, stream
from tests.unit.client.conftest import Service

STREAM = "/jobs/job_1/events/stream"
PROGRESS = b'event: progress\ndata: {"epoch": 1, "epochs": 3, "step": 2, "steps": 9}\n\n'


def last_event_ids(service: Service) -> list[str | None]:
    return [request.headers.get("Last-Event-ID") for request in service.received]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "RECONNECT_SECONDS", 0.0)


@pytest.fixture
def pets(graft: Graft) -> Job:
    return Job.read(graft.connection, job(status="running"))


def test_events_and_progress_are_yielded_in_order(pets: Job, service: Service) -> None:
    service.answer("GET", STREAM, stream(event(1, "queued") + PROGRESS + event(2, "succeeded")))
    first, progress, last = pets.follow()
    assert isinstance(first, JobEvent)
    assert isinstance(progress, Progress)
    assert isinstance(last, JobEvent)
    assert (first.type, progress.step, last.type) == ("queued", 2, "succeeded")
    assert last_event_ids(service) == [None]


def test_a_broken_stream_continues_after_the_last_event(pets: Job, service: Service) -> None:
    service.answer(
        "GET",
        STREAM,
        stream(event(1) + event(2) + b"id: 3\ndata: {", is_broken=True),
        stream(PROGRESS, is_broken=True),
        problem(503, "UNAVAILABLE", "restarting"),
        stream(event(3) + event(4)),
    )
    numbers = [one.event_number for one in pets.follow() if isinstance(one, JobEvent)]
    assert numbers == [1, 2, 3, 4]
    assert last_event_ids(service) == [None, "2", "2", "2"]


def test_following_can_start_after_an_event(pets: Job, service: Service) -> None:
    service.answer("GET", STREAM, stream(event(8)))
    assert len(list(pets.follow(after=7))) == 1
    assert last_event_ids(service) == ["7"]


def test_a_stream_that_always_breaks_is_an_error(
    pets: Job, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_RECONNECTS", 3)
    service.answer("GET", STREAM, stream(is_broken=True))
    with pytest.raises(ConnectionFailed, match="4 times in a row"):
        list(pets.follow())
    assert len(service.received) == 4


def test_an_unknown_job_is_not_retried(pets: Job, service: Service) -> None:
    service.answer("GET", STREAM, problem(404, "NOT_FOUND", "no such job"))
    with pytest.raises(ApiError) as raised:
        list(pets.follow())
    assert raised.value.code == "NOT_FOUND"
    assert len(service.received) == 1
