"""Retries, errors and the address of the Python client."""

import json

import pytest

from graft_client import ApiError, ConnectionFailed, Graft, GraftError
from graft_client import errors as client_errors
from graft_client.errors import (
    Conflict,
    FieldError,
    GateFailed,
    IllegalTransition,
    InvalidAddress,
    InvalidRequest,
    NotFound,
    ServiceError,
    Unavailable,
    UnexpectedAnswer,
)
from graft_client.retrying import pause_before, read_retry_after
from graft_client.synchronous import connection as connection_module
from tests.servers import find_free_port
from tests.unit.client.answers import as_json, batch, dataset, job, page, problem
from tests.unit.client.conftest import Answer, Service

BROKEN = Answer(b"{", is_broken=True)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that the client wants to make; none is made."""
    wanted: list[float] = []
    monkeypatch.setattr(connection_module, "sleep", wanted.append)
    return wanted


@pytest.mark.parametrize(
    "failure", [BROKEN, Answer(b"", 502, "text/html"), problem(429, "OVERLOADED")]
)
def test_a_failed_read_is_repeated(
    graft: Graft, service: Service, pauses: list[float], failure: Answer
) -> None:
    service.answer("GET", "/jobs/job_1", failure, failure, as_json(job()))
    assert graft.jobs.get("job_1").id == "job_1"
    assert len(service.received) == 3
    assert len(pauses) == 2


def test_retries_are_bounded(graft: Graft, service: Service, pauses: list[float]) -> None:
    service.answer("GET", "/jobs/job_1", BROKEN)
    with pytest.raises(ConnectionFailed, match="was lost"):
        graft.jobs.get("job_1")
    assert len(service.received) == 4
    assert len(pauses) == 3
    with Graft(service.url, max_retries=0) as impatient, pytest.raises(ConnectionFailed):
        impatient.jobs.get("job_1")
    assert len(service.received) == 5


def test_the_pause_is_what_the_service_asks_for(
    graft: Graft, service: Service, pauses: list[float]
) -> None:
    busy = problem(503, "OVERLOADED", "busy", ("Retry-After", "7"))
    service.answer("GET", "/jobs/job_1", busy, as_json(job()))
    graft.jobs.get("job_1")
    assert pauses == [7.0]
    service.answer("GET", "/jobs/job_1", problem(503, "X", "busy", ("Retry-After", "3600")))
    with pytest.raises(Unavailable, match="busy"):
        graft.jobs.get("job_1")
    assert pauses == [7.0]


def test_a_creation_is_repeated_under_its_key(
    graft: Graft, service: Service, pauses: list[float]
) -> None:
    service.answer("POST", "/jobs", BROKEN, problem(503, "OVERLOADED"), as_json(job(), 202))
    graft.train("ds_1")
    assert len(pauses) == 2
    assert len({one.headers["Idempotency-Key"] for one in service.received}) == 1
    graft.train("ds_1")
    assert len({one.headers["Idempotency-Key"] for one in service.received}) == 2


def test_errors_that_a_retry_cannot_mend_are_raised_at_once(
    graft: Graft, service: Service, pauses: list[float]
) -> None:
    service.answer("GET", "/jobs/job_1", problem(500, "INTERNAL", "see the log"))
    with pytest.raises(ServiceError):
        graft.jobs.get("job_1")
    assert pauses == []


def test_a_service_that_never_answered_is_not_asked_again(pauses: list[float]) -> None:
    url = f"http://127.0.0.1:{find_free_port()}"
    with Graft(url) as graft, pytest.raises(ConnectionFailed, match="graft up") as raised:
        graft.architectures()
    assert raised.value.code == "CONNECTION_FAILED"
    assert url in raised.value.detail
    assert pauses == []


def test_a_service_that_does_not_answer_in_time_is_an_error(service: Service) -> None:
    service.answer("GET", "/jobs/job_1", Answer(b"{}", seconds=0.5))
    with (
        Graft(service.url, timeout_seconds=0.05, max_retries=0) as graft,
        pytest.raises(ConnectionFailed) as raised,
    ):
        graft.jobs.get("job_1")
    assert raised.value.code == "TIMED_OUT"


@pytest.mark.parametrize("url", ["localhost:8000", "graft", "http://x:port", "ftp://x"])
def test_an_invalid_address_is_an_error(url: str) -> None:
    with pytest.raises(InvalidAddress, match=url):
        Graft(url)


def test_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_URL", "http://graft.example:9")
    assert Graft().url == "http://graft.example:9"
    monkeypatch.delenv("GRAFT_URL")
    assert Graft().url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "BAD_JSON", InvalidRequest),
        (404, "NOT_FOUND", NotFound),
        (409, "NAME_TAKEN", Conflict),
        (409, "GATE_FAILED", GateFailed),
        (409, "ILLEGAL_TRANSITION", IllegalTransition),
        (413, "BODY_TOO_LARGE", InvalidRequest),
        (422, "VALIDATION", InvalidRequest),
        (504, "DEADLINE_EXCEEDED", Unavailable),
        (507, "STORAGE_FULL", ServiceError),
    ],
)
def test_a_problem_becomes_an_error_of_its_kind(
    graft: Graft, service: Service, status: int, code: str, kind: type[ApiError]
) -> None:
    service.answer("POST", "/jobs/job_1/stop", problem(status, code, "in words", request_id="r_1"))
    with pytest.raises(kind) as raised:
        graft.connection.send("POST", "/jobs/job_1/stop")
    error = raised.value
    assert type(error) is kind
    assert (error.code, error.status, error.detail) == (code, status, "in words")
    assert str(error) == f"{code}: in words\n  (status {status}, request r_1)"


def test_an_error_prints_what_is_allowed(graft: Graft, service: Service) -> None:
    names = [f"net{number}" for number in range(30)]
    errors = [
        {"loc": ["body", "optimizer", "name"], "message": "is `x`", "allowed": ["sgd", "adamw"]},
        {"loc": ["body", "architecture"], "message": "is `y`", "allowed": names},
        {"loc": ["body"], "message": "is odd"},
    ]
    service.answer("POST", "/jobs", problem(422, "VALIDATION", "Three are wrong.", errors=errors))
    with pytest.raises(InvalidRequest) as raised:
        graft.train("ds_1")
    first, second, third, *more = str(raised.value).splitlines()
    assert first == "VALIDATION: Three are wrong."
    assert second == "  allowed for optimizer.name: sgd, adamw"
    assert third.endswith("net18, net19 and 10 more")
    assert more == []
    assert raised.value.errors[2] == FieldError(("body",), "is odd")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (Answer(b"<html>hello</html>", 200, "text/html"), UnexpectedAnswer, "UNEXPECTED_ANSWER"),
        (Answer(b"hello", 418, "text/plain"), UnexpectedAnswer, "HTTP_418"),
        (Answer(b"hello", 504, "text/html"), Unavailable, "HTTP_504"),
        (as_json({"id": "job_1"}), UnexpectedAnswer, "UNEXPECTED_ANSWER"),
        (as_json([]), UnexpectedAnswer, "UNEXPECTED_ANSWER"),
    ],
)
def test_an_answer_of_another_program_is_an_error(
    graft: Graft, service: Service, answer: Answer, kind: type[ApiError], code: str
) -> None:
    service.answer("GET", "/jobs/job_1", answer)
    with pytest.raises(kind) as raised:
        graft.jobs.get("job_1")
    assert raised.value.code == code
    assert service.url in raised.value.detail


def test_a_list_of_another_program_is_an_error(graft: Graft, service: Service) -> None:
    service.answer("GET", "/jobs", as_json({"items": []}))
    with pytest.raises(UnexpectedAnswer, match="no list `data`"):
        graft.jobs.list().all()


def test_a_list_starts_again_with_each_iteration(graft: Graft, service: Service) -> None:
    service.answer("GET", "/datasets", page(dataset()))
    datasets = graft.datasets.list()
    assert [len(list(datasets)), len(list(datasets))] == [1, 1]
    assert datasets.first() is not None
    service.answer("GET", "/predictions", page())
    assert graft.batches.list().first() is None


def test_an_object_that_was_not_got_cannot_act() -> None:
    from graft_client import Batch  # noqa: PLC0415 - only here

    with pytest.raises(GraftError, match=r"pred_1.*does not come from a service"):
        Batch.model_validate(batch()).refresh()


def test_the_tree_of_errors_in_the_docstring_has_every_class() -> None:
    tree = client_errors.__doc__ or ""
    classes = [
        name
        for name, one in vars(client_errors).items()
        if isinstance(one, type) and issubclass(one, GraftError)
    ]
    assert len(classes) > 10
    assert [name for name in classes if name not in tree] == []


def test_the_wait_before_a_retry_grows() -> None:
    assert all(0.04 <= pause_before(4) <= 0.08 for _ in range(50))
    assert read_retry_after("Thu, 01 Jan 1970 00:00:00 GMT") == 0
    assert read_retry_after("soon") is None
    assert read_retry_after(None) is None


def test_service_and_overview_are_read(graft: Graft, service: Service) -> None:
    counts = ("total", "ingesting", "ready", "invalid", "num_images", "queued", "running")
    every = dict.fromkeys(
        [*counts, "cancelling", "succeeded", "failed", "cancelled", "versions"], 1
    )
    parts = dict.fromkeys(("datasets", "jobs", "models", "studies", "predictions"), every)
    service.answer("GET", "/overview", as_json(parts | {"serving": None, "attention": []}))
    assert graft.overview().jobs.failed == 1
    assert json.loads(graft.overview().model_dump_json())["models"] == {"total": 1, "versions": 1}
